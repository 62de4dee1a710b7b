"""Whether a graph says what schema.org has words for.

`schema_org.json` is the part of schema.org 30.0 that our pages use, and the types above
theirs: (c) the sponsors of schema.org, Creative Commons Attribution-ShareAlike 3.0. For
more words: `python -m tests.services.vocabulary schemaorg-all-https.jsonld WORD...`
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("schema_org.json")
PATTERNS = {
    "Date": r"\d{4}-\d\d-\d\d",
    "Time": r"\d\d:\d\d",
    "URL": r"https?://\S+",
    "Integer": r"\d+",
    "Text": r"(?s).+",
    # Anything may be named by its address alone.
    "Thing": r"https?://\S+",
}
# A plain text may stand for what has a name alone. Source: schema.org/docs/datamodel
NAMED = {"Language", "Country"}


class Vocabulary:
    def __init__(self) -> None:
        read = json.loads(FILE.read_text())
        self.types: dict[str, list[str]] = read["types"]
        self.properties: dict[str, dict[str, list[str]]] = read["properties"]
        self.members: dict[str, str] = read["members"]

    def problems(self, graph: dict[str, Any]) -> list[str]:
        """Return what is wrong with the document, nothing if all of it is right."""
        if graph["@context"] != "https://schema.org":
            return ["The context is not schema.org."]
        nodes = {node["@id"]: node for node in graph["@graph"] if "@id" in node}
        return [p for node in graph["@graph"] for p in self._node(node, nodes)]

    def _node(self, node: Any, nodes: dict[str, Any]) -> Iterator[str]:
        types = listed(node.get("@type", []))
        if not types or (unknown := [t for t in types if t not in self.types]):
            yield f"no such type: {unknown if types else node}"
            return
        for name, values in node.items():
            if name.startswith("@"):
                continue
            if name not in self.properties:
                yield f"no such property: {name}"
                continue
            own = self.properties[name]
            if not any(self.is_a(t, domain) for t in types for domain in own["of"]):
                yield f"{name} is not of {types}"
            for value in listed(values):
                if not any(self.fits(value, kind, nodes) for kind in own["is"]):
                    yield f"{name} is none of {own['is']}: {value}"
                if isinstance(value, dict) and value.keys() != {"@id"}:
                    yield from self._node(value, nodes)

    def is_a(self, kind: str, other: str) -> bool:
        above = self.types.get(kind, [])
        return kind == other or any(self.is_a(parent, other) for parent in above)

    def fits(self, value: Any, kind: str, nodes: dict[str, Any]) -> bool:
        """Tell whether a value is of a type: text, a member of it, a node of it."""
        if isinstance(value, dict):
            found = nodes.get(value["@id"], {}) if value.keys() == {"@id"} else value
            return any(self.is_a(t, kind) for t in listed(found.get("@type", [])))
        if value in self.members:
            return self.is_a(self.members[value], kind)
        pattern = PATTERNS.get("Text" if kind in NAMED else kind)
        return pattern is not None and re.fullmatch(pattern, str(value)) is not None


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def write(source: Path, words: set[str]) -> None:
    """Write the file anew from a release of schema.org, with what `words` need."""

    def names(value: Any) -> list[str]:
        found = [str(v["@id"]) for v in listed(value or [])]
        return [v.removeprefix("schema:") for v in found if v.startswith("schema:")]

    all_of_it = {
        node["@id"].removeprefix("schema:"): node
        for node in json.loads(source.read_text())["@graph"]
    }
    types: dict[str, list[str]] = {}
    properties, members = {}, {}
    wanted = sorted(words)
    while wanted:
        word = wanted.pop()
        node = all_of_it[word]
        kind = node["@type"]
        if kind == "rdf:Property":
            of, is_ = node["schema:domainIncludes"], node["schema:rangeIncludes"]
            properties[word] = {"of": sorted(names(of)), "is": sorted(names(is_))}
        elif "rdfs:Class" in listed(kind):
            types[word] = names(node.get("rdfs:subClassOf"))
            wanted += [parent for parent in types[word] if parent not in types]
        else:
            members[word] = kind.removeprefix("schema:")
            wanted.append(members[word])
    parts = {"types": types, "properties": properties, "members": members}
    text = {name: dict(sorted(part.items())) for name, part in parts.items()}
    FILE.write_text(json.dumps(text, indent=1) + "\n")


if __name__ == "__main__":
    old = json.loads(FILE.read_text()) if FILE.exists() else {}
    kept = {word for part in old.values() for word in part}
    write(Path(sys.argv[1]), kept | set(sys.argv[2:]))
