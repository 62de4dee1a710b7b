"""Pictures that staff upload: what is taken, and what is made of it to be shown.

What was uploaded is never kept nor served. It is decoded and drawn anew, so nothing of
the file itself comes through: no place, no camera, no second file behind the picture.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Prefetch
from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps, features

from .models import Photo, PhotoFile

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
MAX_BYTES = 12 * 1024 * 1024
# Pillow only warns between 89 and 179 megapixels, and 40 take 120 MB to decode.
MAX_PIXELS = 40_000_000
MIN_SIDE = 320
# A portrait is shown this many CSS pixels wide, on screens of one, two and three dots.
SHOWN = 160
WIDTHS = (SHOWN, 2 * SHOWN, 3 * SHOWN)
# Of what is kept to crop from; twice the widest, so that a face can be chosen.
MASTER_SIDE = 1280
QUALITY = {"avif": 60, "webp": 80, "jpeg": 82}


@dataclass(frozen=True, slots=True)
class Rendition:
    """A square picture, ready to be sent."""

    kind: str  # what follows image/ in its media type
    width: int  # in pixels
    data: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()[:32]


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
    # Decoders raise these for broken files, and Pillow its own for too many pixels.
    except (
        OSError, SyntaxError, ValueError, EOFError, MemoryError,
        Image.DecompressionBombError, Image.DecompressionBombWarning,
    ) as error:  # fmt: skip
        problem = _(
            "This is no picture that we can read. Save it as JPEG or PNG and choose it"
            " again."
        )
        raise ValidationError(problem) from error


def _check(picture: Image.Image) -> None:
    """Refuse by what the head of the file says, before anything is decoded."""
    if picture.width * picture.height > MAX_PIXELS:
        raise ValidationError(
            _("The picture has more than 40 megapixels. Save it smaller.")
        )
    if min(picture.size) < MIN_SIDE:
        raise ValidationError(
            _("The picture is too small: each side needs 320 pixels or more.")
        )
    if getattr(picture, "n_frames", 1) > 1:
        raise ValidationError(_("The picture moves. Choose one that stands still."))


def _plain(picture: Image.Image) -> Image.Image:
    """Return it upright, in sRGB with eight bits a colour, on white, not too big."""
    profile = picture.info.get("icc_profile")
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):
        # Sixteen bits of grey, which convert() would clip to white.
        upright = upright.convert("I").point(lambda value: value / 256).convert("L")
    if upright.mode in ("P", "LA", "PA", "RGBA", "La", "RGBa"):
        clear = upright.convert("RGBA")
        upright = Image.new("RGBA", clear.size, "white")
        upright.alpha_composite(clear)
        upright = upright.convert("RGB")
    plain = _in_srgb(upright, profile)
    plain.thumbnail((MASTER_SIDE, MASTER_SIDE), Image.Resampling.LANCZOS)
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


def renditions(
    of: bytes, focus: tuple[int, int], kinds: Iterable[str]
) -> Iterator[Rendition]:
    """Yield squares of a master, around the point in percent from its top left."""
    with Image.open(BytesIO(of), formats=("JPEG",)) as picture:
        picture.load()
        centre = focus[0] / 100, focus[1] / 100
        for width in WIDTHS:
            square = ImageOps.fit(
                picture, (width, width), Image.Resampling.LANCZOS, centering=centre
            )
            for kind in kinds:
                yield Rendition(kind, width, _encoded(square, kind, QUALITY[kind]))


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
    _replace(photo, renditions(bytes(photo.master), photo.focus, ["jpeg"]))


def make_missing() -> int:
    """Make what browsers could get of each photo and is not there; return of how many.

    What nobody gets any more, since other widths or formats are wanted now, goes.
    """
    wanted = {(kind, width) for kind in kinds() for width in WIDTHS}
    files = PhotoFile.objects.defer("data")
    photos = Photo.objects.defer("master").prefetch_related(Prefetch("files", files))
    return sum(
        _make(photo.pk)
        for photo in photos
        if {(file.kind, file.width) for file in photo.files.all()} != wanted
    )


def _make(pk: int) -> bool:
    """Make all of a photo anew, unless somebody saves it meanwhile.

    That takes a second, in which nobody waits: the row is locked once all is drawn.
    """
    photo = Photo.objects.filter(pk=pk).first()
    if photo is None:
        return False
    made = list(renditions(bytes(photo.master), photo.focus, kinds()))
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
