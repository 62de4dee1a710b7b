"""What a page says, for machines: JSON-LD in the words of schema.org.

Every value is that of a field which the page shows, so the two cannot differ. What is
not known is left out. So is what no field has by itself, but at most a sentence for
people: what a test uses and what affects it (`usesDevice`, `affectedBy`), where and
with what drug one is treated (`bodyLocation`, `drug`), how to pay (`paymentAccepted`),
where on the globe we are (`geo`), whether there is room for new patients
(`isAcceptingNewPatients`). What we ask before a visit is no `contraindication`: no
answer refuses care.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from . import translation
from .models import (
    AFTERCARE,
    Clinic,
    Clinician,
    Content,
    OpeningHours,
    Page,
    Photo,
    Service,
    Weekday,
)
from .outline import THE_REASONS, THE_RISKS, THE_VISIT
from .plain_text import first_list, plain_text
from .street_map import map_of

Node = dict[str, Any]

# Source: schema.org 30.0, which has no name for physical medicine and rehabilitation.
SPECIALTIES = ["Musculoskeletal", "Neurologic"]
# `MedicalTest` alone is no procedure, so it could not say how to get ready.
TYPES: dict[str, str | list[str]] = {
    Service.Kind.TEST: ["MedicalTest", "DiagnosticProcedure"],
    Service.Kind.THERAPY: "MedicalTherapy",
}
# Between the languages that somebody speaks.
SEPARATOR = re.compile(r", (?:and )?| and ")
# What is done with a needle through the skin, by its place in the files, as its drawing
# is known.
NEEDLED = ("service/emg-and-nerve-testing", "service/trigger-point-injections")


def graph(site: str, path: str, name: str, shown: Mapping[str, Any]) -> Node:
    """Return the graph of a public page: the page, its crumbs, what it is about, us.

    `site` is where the site is, `path` the page's address there, `name` that of its
    URL, and `shown` what its template has.
    """
    nodes = MAKERS[name](Place(site, path), shown)
    page, *others = nodes
    ways = [node for node in others if node["@type"] == "BreadcrumbList"]
    page["breadcrumb"] = {"@id": ways[0]["@id"]} if ways else None
    return {"@context": "https://schema.org", "@graph": [known(node) for node in nodes]}


class Place:
    """Addresses of the page at hand and of the others, in the language at hand."""

    def __init__(self, site: str, path: str) -> None:
        self.site = site
        self.url = site + path

    def of(self, view: str, *args: str) -> str:
        return self.site + reverse(f"services:{view}", args=args)

    @property
    def clinic(self) -> str:
        """Return the clinic's name in the graph, one in all languages."""
        return f"{self.site}/#clinic"

    def service(self, service: Service) -> str:
        return f"{self.of('service', service.slug)}#service"


def home(place: Place, shown: Mapping[str, Any]) -> list[Node]:
    clinic: Clinic = shown["clinic"]
    page = a_page(place, "WebPage", clinic.name)
    page["description"] = clinic.summary
    page["mainEntity"] = {"@id": place.clinic}
    services = [service_in_short(place, service) for service in shown["services"]]
    more = {"description": clinic.summary, "availableService": services}
    return [page, {**the_clinic(place, shown), **more}]


def service_list(place: Place, shown: Mapping[str, Any]) -> list[Node]:
    items = [
        {"@type": "ListItem", "position": number, **service_link(place, service)}
        for number, service in enumerate(shown["services"], 1)
    ]
    page = a_page(place, "CollectionPage", _("Treatments and tests"))
    page["mainEntity"] = {"@type": "ItemList", "itemListElement": items}
    return [page, crumbs(place, page["name"]), the_clinic_in_short(place, shown)]


def service(place: Place, shown: Mapping[str, Any]) -> list[Node]:
    this: Service = shown["service"]
    parts = [*this.facts.all(), *this.sections.all(), *this.screening_questions.all()]
    page = a_page(place, "MedicalWebPage", this.name, this, *parts)
    page["description"] = this.summary
    page |= dates(this)
    page["specialty"] = SPECIALTIES
    page["medicalAudience"] = {"@type": "MedicalAudience", "audienceType": "Patient"}
    page["mainEntity"] = {"@id": place.service(this)}
    answers = {section.anchor: section.answer for section in this.sections.all()}
    entity = {
        **service_in_short(place, this),
        "image": picture(place, getattr(this, "photo", None)),
        "procedureType": "PercutaneousProcedure" if this.entry in NEEDLED else "",
        "alternateName": re.split(r", (?![^(]*\))", this.other_names),
        "preparation": plain_text(this.preparation),
        "howPerformed": plain_text(answers.get(THE_VISIT, "")),
        "followup": plain_text(answers.get(AFTERCARE, "")),
        **outcome(this, answers),
    }
    up = _("Treatments and tests"), place.of("service_list")
    clinic = the_clinic_in_short(place, shown)
    return [page, crumbs(place, this.name, up), entity, clinic]


def team(place: Place, shown: Mapping[str, Any]) -> list[Node]:
    page = a_page(place, "AboutPage", _("Our team"), *shown["clinicians"])
    page["mainEntity"] = {"@id": place.clinic}
    people = [person(one) for one in shown["clinicians"]]
    spoken = [one for who in people for one in who["knowsLanguage"]]
    known_here = {"employee": people, "knowsLanguage": sorted({*spoken})}
    clinic = {**the_clinic_in_short(place, shown), **known_here}
    return [page, crumbs(place, page["name"]), clinic]


def visit_us(place: Place, shown: Mapping[str, Any]) -> list[Node]:
    page = a_page(place, "ContactPage", _("Visit us"), *shown["closed_soon"])
    page["mainEntity"] = {"@id": place.clinic}
    clinic = {
        **the_clinic(place, shown),
        "email": shown["clinic"].email,
        "hasMap": f"{place.url}#address" if map_of(shown["clinic"]) else "",
        "image": [picture(place, photo) for photo in shown["photos"]],
        "specialOpeningHoursSpecification": [
            other_hours(days, closed.why)
            for closed in shown["closed_soon"]
            for days in closed.hours
        ],
    }
    return [page, crumbs(place, page["name"]), clinic]


def page(place: Place, shown: Mapping[str, Any]) -> list[Node]:
    this: Page = shown["page"]
    node = a_page(place, "WebPage", this.title, this)
    node["description"] = this.summary
    node |= dates(this)
    return [node, crumbs(place, this.title), the_clinic_in_short(place, shown)]


MAKERS = {
    "home": home,
    "service_list": service_list,
    "service": service,
    "team": team,
    "visit_us": visit_us,
    "page": page,
}


def a_page(place: Place, kind: str, name: str, *rows: Content) -> Node:
    """Return the node of the page at hand, which shows `rows`."""
    spoken = [translation.language_at_hand()]
    spoken += ["en"] if any(row.left_english for row in rows) else []
    return {
        "@type": kind,
        "@id": place.url,
        "url": place.url,
        "name": name,
        "inLanguage": spoken if len(spoken) > 1 else spoken[0],
        "publisher": {"@id": place.clinic},
    }


def outcome(this: Service, answers: Mapping[str, str]) -> Node:
    """Return what a test can find, or what harm a treatment can do."""
    if this.kind == Service.Kind.TEST:
        found = first_list(answers.get(THE_REASONS, ""))
        return {
            "usedToDiagnose": [
                {"@type": "MedicalCondition", "name": name} for name in found
            ]
        }
    risks = plain_text(answers.get(THE_RISKS, ""))
    harm = {"@type": "MedicalEntity", "description": risks}
    return {"adverseOutcome": harm if risks else None}


def picture(place: Place, photo: Photo | None) -> str:
    """Return where the largest file of a photo is that every program can open."""
    files = photo.of_kind("jpeg") if photo else []
    return place.site + files[-1].get_absolute_url() if files else ""


def dates(this: Service | Page) -> Node:
    """Return how fresh the page at hand is, and who has found it right.

    It was the English that they read.
    """
    node: Node = {"dateModified": this.changed_on.isoformat()}
    if this.reviewed_by and this.reviewed_on and translation.is_english():
        node["lastReviewed"] = this.reviewed_on.isoformat()
        node["reviewedBy"] = {
            "@type": "Person",
            "name": this.reviewed_by,
            **credentials(this.reviewer_credentials),
            "jobTitle": this.reviewer_profession,
        }
    return node


def crumbs(place: Place, here: str, *between: tuple[str, str]) -> Node:
    way = [(_("Home"), place.of("home")), *between]
    items: list[Node] = [
        {"@type": "ListItem", "position": number, "name": name, "item": url}
        for number, (name, url) in enumerate(way, 1)
    ]
    items.append({"@type": "ListItem", "position": len(items) + 1, "name": here})
    return {
        "@type": "BreadcrumbList",
        "@id": f"{place.url}#breadcrumb",
        "itemListElement": items,
    }


def service_link(place: Place, service: Service) -> Node:
    return {"name": service.name, "url": place.of("service", service.slug)}


def service_in_short(place: Place, service: Service) -> Node:
    return {
        "@type": TYPES[service.kind],
        "@id": place.service(service),
        **service_link(place, service),
        "description": service.summary,
    }


def person(clinician: Clinician) -> Node:
    made_up = _("Demo entry, not a real person")
    return {
        "@type": "Person",
        "name": clinician.name,
        **credentials(clinician.credentials),
        "jobTitle": clinician.profession,
        "knowsLanguage": SEPARATOR.split(clinician.languages),
        "disambiguatingDescription": made_up if clinician.is_demo else "",
    }


def credentials(letters: str) -> Node:
    """Return those behind a name, such as "MD, PhD", once as they stand, then each."""
    each = [one for part in letters.split(",") if (one := part.strip())]
    kind = {"@type": "EducationalOccupationalCredential"}
    return {
        "honorificSuffix": letters,
        "hasCredential": [{**kind, "name": one} for one in each],
    }


def the_clinic_in_short(place: Place, shown: Mapping[str, Any]) -> Node:
    clinic: Clinic = shown["clinic"]
    made_up = _("Demonstration: the address, phone, hours and people are made up.")
    return {
        "@type": "MedicalClinic",
        "@id": place.clinic,
        "name": clinic.name,
        "disambiguatingDescription": made_up if clinic.is_demo else "",
        "url": place.of("home"),
        "telephone": clinic.phone,
    }


def the_clinic(place: Place, shown: Mapping[str, Any]) -> Node:
    clinic: Clinic = shown["clinic"]
    parts = {
        "streetAddress": clinic.street,
        "addressLocality": clinic.city,
        "addressRegion": clinic.region,
        "postalCode": clinic.postal_code,
    }
    address = {"@type": "PostalAddress", **parts, "addressCountry": "US"}
    return {
        **the_clinic_in_short(place, shown),
        "address": address if any(parts.values()) else None,
        "openingHoursSpecification": [open_on(row) for row in shown["opening_hours"]],
        "medicalSpecialty": SPECIALTIES,
    }


def open_on(row: OpeningHours) -> Node:
    return {
        "@type": "OpeningHoursSpecification",
        "dayOfWeek": Weekday(row.weekday).name.title(),
        "opens": f"{row.opens:%H:%M}",
        "closes": f"{row.closes:%H:%M}",
    }


def other_hours(days: Any, why: str) -> Node:
    """Return days with other hours than usual.

    Source: schema.org, which takes a place without `opens` for closed.
    """
    return {
        "@type": "OpeningHoursSpecification",
        "name": why,
        "validFrom": days.first.isoformat(),
        "validThrough": days.last.isoformat(),
        "opens": days.opens,
        "closes": days.closes,
    }


def known(value: Any) -> Any:
    """Return the value without what is empty in it, all the way down."""
    if isinstance(value, dict):
        found = {name: known(part) for name, part in value.items()}
        return {name: part for name, part in found.items() if part not in BLANK}
    if isinstance(value, list):
        return [part for part in map(known, value) if part not in BLANK]
    return value


BLANK: tuple[Any, ...] = ("", None, [], {})
