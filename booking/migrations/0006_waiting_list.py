import datetime
from typing import Any

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


def write_the_rules(apps: Any, schema_editor: Any) -> None:
    """Give a manager the one row to change."""
    apps.get_model("booking", "WaitingListRules").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [
        ("booking", "0005_series_and_form_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="WaitingListEntry",
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
                ("earliest", models.DateField()),
                ("latest", models.DateField(help_text="The last day, included.")),
                (
                    "weekdays",
                    models.CharField(help_text="0 is Monday: 01234.", max_length=7),
                ),
                (
                    "part",
                    models.CharField(
                        blank=True,
                        choices=[("morning", "Morning"), ("afternoon", "Afternoon")],
                        max_length=10,
                    ),
                ),
                (
                    "notice",
                    models.PositiveIntegerField(
                        default=0, verbose_name="notice, in minutes"
                    ),
                ),
                ("joined_at", models.DateTimeField()),
                ("offers_made", models.PositiveSmallIntegerField(default=0)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "why_ended",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("took", "took a time"),
                            ("left", "left the list"),
                            ("cancelled", "the visit was cancelled"),
                            ("expired", "the last day has passed"),
                        ],
                        max_length=10,
                    ),
                ),
            ],
            options={
                "verbose_name": "place on the waiting list",
                "verbose_name_plural": "waiting list",
                "ordering": ["joined_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="WaitingListRules",
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
                (
                    "batch",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="With 1 the time is kept for that person until the offer ends. With more, nobody has it until the first of them takes it.",
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="people who are offered the same time",
                    ),
                ),
                (
                    "minutes_to_answer",
                    models.PositiveIntegerField(
                        default=180,
                        help_text="Then the offer ends. Quiet hours do not count; for people whom we phone, only the clinic's opening hours do.",
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="minutes to answer",
                    ),
                ),
                (
                    "quiet_from",
                    models.TimeField(
                        default=datetime.time(20, 0),
                        help_text="The clinic's time. No offer is made in the quiet hours.",
                        verbose_name="quiet hours from",
                    ),
                ),
                (
                    "quiet_until",
                    models.TimeField(
                        default=datetime.time(8, 0),
                        help_text="The same as “from” means: there are none.",
                        verbose_name="quiet hours until",
                    ),
                ),
                (
                    "most_offers",
                    models.PositiveSmallIntegerField(
                        default=5,
                        help_text="Then staff see that somebody should talk with them.",
                        verbose_name="offers to one person at most",
                    ),
                ),
            ],
            options={
                "verbose_name": "waiting list rules",
                "verbose_name_plural": "waiting list rules",
            },
        ),
        migrations.AddField(
            model_name="message",
            name="offer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="booking.proposal",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="true_start",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="message",
            name="true_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="message",
            name="kind",
            field=models.CharField(
                choices=[
                    ("received", "Request received"),
                    ("confirmed", "Confirmed"),
                    ("declined", "Not booked"),
                    ("withdrawn", "Request withdrawn"),
                    ("cancelled", "Cancelled"),
                    ("on_list", "On the waiting list"),
                    ("offered", "A time is offered"),
                    ("offer_ended", "The offer has ended"),
                    ("moved", "Moved to another time"),
                    ("left", "Off the waiting list"),
                    ("list_ended", "Waiting list ended"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="proposal",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("open", "Open"),
                    ("accepted", "Accepted"),
                    ("declined", "Not chosen"),
                    ("lapsed", "Lapsed"),
                    ("withdrawn", "Taken back"),
                    ("moved", "Given up for another time"),
                ],
                default="open",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="proposal",
            index=models.Index(
                condition=models.Q(("by", "clinic"), ("outcome", "open")),
                fields=["expires_at"],
                name="proposal_offered",
            ),
        ),
        migrations.AddField(
            model_name="waitinglistentry",
            name="appointment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="waiting_list_entries",
                to="booking.appointment",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="entry",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="booking.waitinglistentry",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitinglistrules",
            constraint=models.CheckConstraint(
                condition=models.Q(("pk", 1)), name="waiting_list_rules_are_one_row"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitinglistrules",
            constraint=models.CheckConstraint(
                condition=models.Q(("batch__gte", 1), ("minutes_to_answer__gte", 1)),
                name="waiting_list_offers_to_somebody",
                violation_error_message="Batch and minutes must be at least 1.",
            ),
        ),
        migrations.AddIndex(
            model_name="waitinglistentry",
            index=models.Index(
                condition=models.Q(("ended_at", None)),
                fields=["joined_at"],
                name="waiting_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitinglistentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("appointment",),
                name="waiting_once_a_visit",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitinglistentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("latest__gte", models.F("earliest"))),
                name="waiting_ends_after_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitinglistentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("weekdays", ""), _negated=True),
                name="waiting_for_a_weekday",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitinglistentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("why_ended", "")),
                    models.Q(
                        ("ended_at__isnull", False),
                        models.Q(("why_ended", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="waiting_ended_for_a_reason",
            ),
        ),
        migrations.RunPython(write_the_rules, migrations.RunPython.noop),
    ]
