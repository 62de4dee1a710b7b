from .appointment import WAS_SENT, Appointment, Proposal
from .chore import Chore
from .claim import Claim
from .closing import ClosingPlan, ClosingRow, hit_by
from .event import AppointmentEvent
from .form_key import FormKey
from .limit import Hit
from .link import AppointmentLink, LinkRequest
from .locks import Locked, locking
from .merge import Merge
from .message import Heartbeat, Message
from .office import clinic_zone, open_windows, span_of
from .paperwork import Paper
from .patient import Patient
from .plan import Ignoring, Plan
from .preparation import PreparationText, Wording
from .reservation import Reservation
from .resource import Closure, Hours, Resource
from .retention import LegalHold, RetentionRules
from .screening import ScreeningAnswer
from .second_factor import RecoveryCode, SecondFactor
from .seen import SeenChanges
from .texting import (
    HeardBy,
    TextConsent,
    TextPurpose,
    TextStop,
    may_text,
    purpose_of,
)
from .trail import AuditEvent, AuditSubject
from .visit_type import Practice, Requirement, Schedule, VisitType, could_take
from .waiting import Part, WaitingListEntry, WaitingListRules, Wish

__all__ = [
    "WAS_SENT",
    "Appointment",
    "AppointmentEvent",
    "AppointmentLink",
    "AuditEvent",
    "AuditSubject",
    "Chore",
    "Claim",
    "ClosingPlan",
    "ClosingRow",
    "Closure",
    "FormKey",
    "HeardBy",
    "Heartbeat",
    "Hit",
    "Hours",
    "Ignoring",
    "LegalHold",
    "LinkRequest",
    "Locked",
    "Merge",
    "Message",
    "Paper",
    "Part",
    "Patient",
    "Plan",
    "Practice",
    "PreparationText",
    "Proposal",
    "RecoveryCode",
    "Requirement",
    "Reservation",
    "Resource",
    "RetentionRules",
    "Schedule",
    "ScreeningAnswer",
    "SecondFactor",
    "SeenChanges",
    "TextConsent",
    "TextPurpose",
    "TextStop",
    "VisitType",
    "WaitingListEntry",
    "WaitingListRules",
    "Wish",
    "Wording",
    "clinic_zone",
    "could_take",
    "hit_by",
    "locking",
    "may_text",
    "open_windows",
    "purpose_of",
    "span_of",
]
