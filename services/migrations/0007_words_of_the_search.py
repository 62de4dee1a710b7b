"""What the search looks in; see services/searching.py."""

from django.db import DatabaseError, migrations, models, transaction

# SQLite's follow their tables when `searching` tells them to.
_SQLITE = [
    """
    CREATE VIRTUAL TABLE services_passage_words USING fts5(
        words, content='services_passage', content_rowid='id', tokenize='unicode61'
    )
    """,
    """
    CREATE VIRTUAL TABLE services_knownword_pieces USING fts5(
        word, content='services_knownword', content_rowid='id', tokenize='trigram'
    )
    """,
]
# PostgreSQL keeps these up to date by itself. The words are taken as they are, see
# `searching`.
_POSTGRESQL = [
    """
    ALTER TABLE services_passage ADD COLUMN said tsvector
    GENERATED ALWAYS AS (to_tsvector('simple', words)) STORED
    """,
    "CREATE INDEX services_passage_said ON services_passage USING gin (said)",
]
_PIECES = """
    CREATE INDEX services_knownword_pieces ON services_knownword
    USING gin (word gin_trgm_ops)
"""


def add_indexes(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        for sql in _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL:
            cursor.execute(sql)
        if connection.vendor == "postgresql":
            # Without the extension the search finds the same, and reads a few thousand
            # words for that.
            try:
                with transaction.atomic(connection.alias):
                    cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                    cursor.execute(_PIECES)
            except DatabaseError as error:
                print(f"The search has no index of letters: {error}")  # noqa: T201


def drop_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TABLE services_passage_words")
        schema_editor.execute("DROP TABLE services_knownword_pieces")


class Migration(migrations.Migration):
    dependencies = [
        ("services", "0005_drafts_have_a_time"),
    ]

    operations = [
        migrations.CreateModel(
            name="SameWords",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("entry", models.CharField(blank=True, editable=False, max_length=160)),
                (
                    "loaded_digest",
                    models.CharField(blank=True, editable=False, max_length=64),
                ),
                (
                    "updated_at",
                    models.DateTimeField(auto_now=True, verbose_name="last changed"),
                ),
                ("language", models.CharField(max_length=10)),
                (
                    "words",
                    models.TextField(
                        help_text="One word or phrase a line, as people say it. Who searches for one of them finds the pages that say another.",
                        verbose_name="words that mean the same",
                    ),
                ),
            ],
            options={
                "verbose_name": "words that mean the same",
                "verbose_name_plural": "words that mean the same",
                "ordering": ["language", "pk"],
            },
        ),
        migrations.CreateModel(
            name="SearchIndex",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("digest", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="KnownWord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("language", models.CharField(max_length=10)),
                ("word", models.CharField(max_length=200)),
            ],
            options={
                "ordering": ["language", "word"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("language", "word"), name="one_known_word_a_language"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Passage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("language", models.CharField(max_length=10)),
                ("place", models.PositiveIntegerField()),
                ("path", models.CharField(max_length=300)),
                ("kind", models.CharField(max_length=40)),
                ("title", models.CharField(max_length=200)),
                ("title_language", models.CharField(max_length=10)),
                ("heading", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("text_language", models.CharField(max_length=10)),
                ("words", models.TextField()),
            ],
            options={
                "ordering": ["language", "place"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("language", "place"), name="one_passage_a_place"
                    )
                ],
            },
        ),
        migrations.RunPython(add_indexes, drop_indexes),
    ]
