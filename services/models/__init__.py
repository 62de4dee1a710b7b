"""What the clinic offers and says about itself; read by the public, edited by staff."""

from .clinic import Clinic, Clinician, Edition, OpeningHours, Weekday
from .content import Content, LoadedEntry, Reviewed, Translated, Translation
from .page import AFTERCARE, REFERRAL, Fact, Page, ScreeningQuestion, Section, Service
from .photo import KeptPicture, Photo, PhotoFile
from .search import KnownWord, Passage, SameWords, SearchIndex
from .version import Draft, Version

__all__ = [
    "AFTERCARE",
    "REFERRAL",
    "Clinic",
    "Clinician",
    "Content",
    "Draft",
    "Edition",
    "Fact",
    "KeptPicture",
    "KnownWord",
    "LoadedEntry",
    "OpeningHours",
    "Page",
    "Passage",
    "Photo",
    "PhotoFile",
    "Reviewed",
    "SameWords",
    "ScreeningQuestion",
    "SearchIndex",
    "Section",
    "Service",
    "Translated",
    "Translation",
    "Version",
    "Weekday",
]
