"""Pictures that staff upload: what is taken, and what is made of it to be shown.

What was uploaded is never kept nor served. It is decoded and drawn anew, so nothing of
the file itself comes through: no place, no camera, no second file behind the picture.
"""

import hashlib
import re
import struct
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps, features

from .models import Clinic, Clinician, Photo, PhotoFile, Service

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
# Of these we have no decoder.
HEIC = re.compile(rb".{4}ftyphe[iv][cmsx]", re.S)
MAX_BYTES = 12 * 1024 * 1024
# In millions, so that none takes much more than 400 MB to decode. A JPEG is read
# smaller than it is, and the cameras of phones write that.
MEGAPIXELS = {"JPEG": 40, "MPO": 40, "PNG": 20, "WEBP": 20, "AVIF": 20}
MIN_SIDE = 320
# What is kept of a picture that is longer than that has a side below the least.
LONGEST = 4
# Of what is kept to crop from; more than the widest, so that a face can be chosen.
MASTER_SIDE = 1280
# Of what a form of staff shows of a picture.
GLANCE_SIDE = 480
QUALITY = {"avif": 60, "webp": 80, "jpeg": 82}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a photo is cut to, and how large it is shown."""

    ratio: float  # of its height to its width
    shown: int  # so many CSS pixels wide, at most
    widths: tuple[int, ...]  # in pixels, for small and large screens, dense or not
    sizes: str  # how wide it is on which screen, as HTML says it

    def height(self, width: int) -> int:
        return round(width * self.ratio)


PORTRAIT = Shape(1, 160, (160, 320, 480), "160px")
SCENE = Shape(2 / 3, 720, (360, 720, 1080), "(min-width: 45rem) 29rem, 92vw")


def of(row: Clinic | Clinician | Service) -> "models.QuerySet[Photo]":
    """Return the photos that a page shows, in their order, with what they are cut from.

    Those of the clinic are neither of a person nor of a service.
    """
    place: dict[str, Any] = {"clinician": None, "service": None}
    if not isinstance(row, Clinic):
        place = {row.content_kind(): row}
    return Photo.objects.filter(**place).defer(None)


def shape_of(photo: Photo) -> Shape:
    return PORTRAIT if photo.clinician_id else SCENE


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture that is cut to its shape, ready to be sent."""

    kind: str  # what follows image/ in its media type
    width: int  # in pixels
    data: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Glance:
    """A small picture for staff, which has no address: the page itself holds it."""

    src: str
    width: int  # in pixels
    height: int


def master(file: IO[bytes]) -> bytes:
    """Return a picture as a JPEG to crop from: upright, in sRGB, and nothing beside.

    It goes by what the file holds, whatever it is called. Raises ValidationError, for
    who uploaded it.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValidationError(_("The file is larger than 12 MB. Save it smaller."))
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as picture:
            _check(picture)
            return _encoded(_plain(picture), "jpeg", quality=92)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many(max(MEGAPIXELS.values())) from error
    # Decoders raise these for broken files.
    except (
        OSError, SyntaxError, ValueError, EOFError, MemoryError, RuntimeError,
        TypeError, struct.error,
    ) as error:  # fmt: skip
        problem = _(
            "This is no picture that we can read. Save it as JPEG or PNG and choose it"
            " again."
        )
        if HEIC.match(data):
            problem = _(
                "This is a photo as an iPhone keeps it (HEIC). Save it as JPEG and"
                " choose it again."
            )
        raise ValidationError(problem) from error


def _too_many(most: int) -> ValidationError:
    words = _("The picture has more than %(most)s megapixels. Save it smaller.")
    return ValidationError(words % {"most": most})


def _check(picture: Image.Image) -> None:
    """Refuse by what the head of the file says, before anything is decoded."""
    most = MEGAPIXELS[str(picture.format)]
    if picture.width * picture.height > most * 1_000_000:
        raise _too_many(most)
    if min(picture.size) < MIN_SIDE:
        raise ValidationError(
            _("The picture is too small: each side needs 320 pixels or more.")
        )
    if max(picture.size) > LONGEST * min(picture.size):
        words = _(
            "The picture is too long: one side may be %(most)s times the other. Cut it."
        )
        raise ValidationError(words % {"most": LONGEST})
    # A JPEG of a phone may carry a second picture behind the first, as of its depth.
    if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1:
        raise ValidationError(_("The picture moves. Choose one that stands still."))


def _plain(picture: Image.Image) -> Image.Image:
    """Return it upright, in sRGB with eight bits a colour, on white, not too big.

    It is made small first: in full, each step would hold one more of it.
    """
    profile = picture.info.get("icc_profile")
    picture.draft(None, (MASTER_SIDE, MASTER_SIDE))  # a JPEG is decoded smaller then
    small = picture
    if small.mode.startswith("I"):
        # Sixteen bits of grey, which convert() would clip to white.
        small = small.convert("I").point(lambda value: value / 256).convert("L")
    if small.mode in ("1", "P", "PA"):  # no colours to take the middle of
        small = small.convert("L" if small.mode == "1" else "RGBA")
    small.thumbnail((MASTER_SIDE, MASTER_SIDE), Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(small)
    if upright.mode in ("LA", "RGBA", "La", "RGBa"):
        clear = upright.convert("RGBA")
        upright = Image.new("RGBA", clear.size, "white")
        upright.alpha_composite(clear)
        upright = upright.convert("RGB")
    plain = _in_srgb(upright, profile)
    # A new picture: what the file said about the old one would be written with it.
    new = Image.new("RGB", plain.size)
    new.paste(plain)
    return new


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            changed = ImageCms.profileToProfile(
                picture,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError):
            changed = None  # one for other colours than it has, or broken
        if changed is not None:
            return changed
    return picture.convert("RGB")


def kinds() -> list[str]:
    """Return the formats that can be written here, the smallest files first.

    A Pillow without AVIF leaves that out; browsers then take WebP.
    """
    return [kind for kind in QUALITY if kind != "avif" or features.check("avif")]


def renditions(photo: Photo, kinds: Iterable[str]) -> Iterator[Rendition]:
    """Yield what browsers get of a photo, cut around its focus."""
    shape = shape_of(photo)
    with Image.open(BytesIO(photo.master), formats=("JPEG",)) as picture:
        picture.load()
        for width in shape.widths:
            cut = _cut(picture, shape, width, photo.focus)
            for kind in kinds:
                yield Rendition(kind, width, _encoded(cut, kind, QUALITY[kind]))


def _cut(
    picture: Image.Image, shape: Shape, width: int, focus: tuple[int, int]
) -> Image.Image:
    return ImageOps.fit(
        picture, (width, shape.height(width)), Image.Resampling.LANCZOS,
        centering=(focus[0] / 100, focus[1] / 100),
    )  # fmt: skip


def glance(photo: Photo) -> Glance:
    """Return what staff see of a photo, which is all of it."""
    with Image.open(BytesIO(photo.master), formats=("JPEG",)) as picture:
        picture.thumbnail((GLANCE_SIDE, GLANCE_SIDE))
        return _glance(picture)


def glance_cut(master: bytes, shape: Shape, focus: tuple[int, int]) -> Glance:
    """Return what patients see of a picture, small."""
    with Image.open(BytesIO(master), formats=("JPEG",)) as picture:
        return _glance(_cut(picture, shape, shape.widths[0], focus))


def _glance(picture: Image.Image) -> Glance:
    data = b64encode(_encoded(picture, "jpeg", QUALITY["jpeg"])).decode()
    return Glance(f"data:image/jpeg;base64,{data}", *picture.size)


def digest_of(photo: Photo) -> str:
    """Return the SHA-256, in hexadecimal, of what a photo is cut from."""
    return hashlib.sha256(photo.master).hexdigest()


def _encoded(picture: Image.Image, kind: str, quality: int) -> bytes:
    file = BytesIO()
    picture.save(file, kind, quality=quality)
    return file.getvalue()


@transaction.atomic
def keep(photo: Photo) -> None:
    """Save a photo, with JPEGs of it in place of what was made of it before.

    Those take no time, and every browser shows them; `make_missing` makes the rest. The
    row is written first: whoever saves the same photo at the same time waits there,
    and then finds what this one has made.
    """
    photo.save()
    _replace(photo, renditions(photo, ["jpeg"]))


def make_missing() -> int:
    """Make what browsers could get of each photo and is not there; return of how many.

    What nobody gets any more, since other widths or formats are wanted now, goes.
    """
    return sum(
        _make(photo.pk)
        for photo in Photo.objects.prefetch_related("files")
        if {(file.kind, file.width) for file in photo.files.all()} != _wanted(photo)
    )


def _wanted(photo: Photo) -> set[tuple[str, int]]:
    return {(kind, width) for kind in kinds() for width in shape_of(photo).widths}


def _make(pk: int) -> bool:
    """Make all of a photo anew, unless somebody saves it meanwhile.

    That takes a second, in which nobody waits: the row is locked once all is drawn.
    """
    photo = Photo.objects.filter(pk=pk).first()
    if photo is None:
        return False
    made = list(renditions(photo, kinds()))
    with transaction.atomic():
        rows = Photo.objects.select_for_update(of=("self",), no_key=True)
        now = rows.filter(pk=pk).first()
        if now is None or now.focus != photo.focus or now.master != photo.master:
            return False
        _replace(now, made)
    return True


def _replace(photo: Photo, made: Iterable[Rendition]) -> None:
    """Let there be these and no other files of a photo, whose row is locked."""
    photo.files.all().delete()
    PhotoFile.objects.bulk_create(
        PhotoFile(photo=photo, kind=r.kind, width=r.width, digest=r.digest, data=r.data)
        for r in made
    )
