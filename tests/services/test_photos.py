"""Staff give a clinician a photo; patients get small squares of it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any
from zlib import compress, crc32

import pytest
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageCms
from playwright.sync_api import Page, expect
from pytest_django import DjangoAssertNumQueries

from services import photos, rows
from services.admin import PhotoForm
from services.models import Clinician, Photo, PhotoFile, Service, Translation, Version
from tests.chromium import HOST, serve
from tests.plugin import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]


def a_file(kind: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    """Return a picture, red on its left half and blue on its right."""
    size = options.pop("size", (640, 480))
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0] // 2, size[1]))
    file = BytesIO()
    picture.convert(mode).save(file, kind, **options)
    return file.getvalue()


def a_huge_file(side: int) -> bytes:
    """Return a small PNG that says it is large."""
    data = a_file("PNG")
    head = b"IHDR" + side.to_bytes(4) * 2 + data[24:29]
    return data[:12] + head + crc32(head).to_bytes(4) + data[33:]


def a_broken_avif() -> bytes:
    """Return a file whose head is that of a picture, and the rest of none."""
    whole = a_file("AVIF")
    at = whole.index(b"mdat") + 4
    return whole[:at] + b"\xff" * (len(whole) - at)


def seen(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


def is_red(picture: Image.Image, at: tuple[int, int]) -> bool:
    red, _green, blue = picture.getpixel(at)  # type: ignore[misc]
    return bool(red > 180 > 80 > blue)


def with_place() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def with_colours_swapped() -> bytes:
    """Return a profile that means blue where sRGB means red."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags, values = srgb[:400], srgb[400:]
    for name, other in ((b"rXYZ", b"...."), (b"bXYZ", b"rXYZ"), (b"....", b"bXYZ")):
        assert tags.count(name) == 1
        tags = tags.replace(name, other)
    return tags + values


def with_a_bomb() -> bytes:
    """Return a PNG whose colour profile is small and becomes 64 MB."""
    data = a_file("PNG")
    chunk = b"iCCP" + b"profile\0\0" + compress(bytes(64 * 1024 * 1024), 9)
    size = (len(chunk) - 4).to_bytes(4)
    return data[:33] + size + chunk + crc32(chunk).to_bytes(4) + data[33:]


def frames() -> dict[str, Any]:
    return {"save_all": True, "append_images": [Image.new("RGB", (640, 480), "white")]}


def test_a_photo_is_upright_and_says_nothing_of_where_it_was_taken() -> None:
    uploaded = a_file(exif=with_place(), comment=b"<script>") + b"<script>PK"
    made = photos.master(BytesIO(uploaded))
    picture = seen(made)
    assert picture.size == (480, 640)
    assert is_red(picture, (240, 20))
    assert not picture.getexif()
    assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"script" not in made


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "P"), ("PNG", "RGBA"), ("PNG", "1"),
        ("WEBP", "RGBA"), ("AVIF", "RGB"),
    ],
)  # fmt: skip
def test_each_kind_of_picture_is_taken(kind: str, mode: str) -> None:
    picture = seen(photos.master(BytesIO(a_file(kind, mode))))
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (640, 480))
    if mode not in ("L", "1"):
        assert is_red(picture, (20, 240))


def test_a_large_photo_of_a_camera_is_taken() -> None:
    large = photos.master(BytesIO(a_file(size=(6_000, 4_000), exif=with_place())))
    assert seen(large).size == (853, 1280)


def test_a_second_picture_behind_that_of_a_phone_is_left_out() -> None:
    behind = [Image.new("RGB", (320, 240), "white")]
    uploaded = a_file("MPO", save_all=True, append_images=behind)
    made = photos.master(BytesIO(uploaded))
    assert is_red(seen(made), (20, 240))
    assert [b"MPF" in data for data in (uploaded, made)] == [True, False]


def test_sixteen_bits_of_grey_stay_grey() -> None:
    file = BytesIO()
    Image.new("I;16", (400, 400), 0x8000).save(file, "PNG")
    picture = seen(photos.master(BytesIO(file.getvalue())))
    assert picture.getpixel((9, 9)) == (128, 128, 128)


def test_colours_are_what_their_profile_means() -> None:
    uploaded = a_file(icc_profile=with_colours_swapped())
    picture = seen(photos.master(BytesIO(uploaded)))
    assert is_red(picture, (620, 240))
    assert not is_red(picture, (20, 240))
    assert "icc_profile" not in picture.info


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("profile", [b"no profile", with_colours_swapped()[:500]])
def test_a_profile_that_is_broken_is_left_out(mode: str, profile: bytes) -> None:
    picture = seen(photos.master(BytesIO(a_file(mode=mode, icc_profile=profile))))
    assert picture.mode == "RGB"
    assert mode == "L" or is_red(picture, (20, 240))


def test_what_is_clear_becomes_white() -> None:
    file = BytesIO()
    Image.new("RGBA", (400, 400), (255, 0, 0, 0)).save(file, "PNG")
    picture = seen(photos.master(BytesIO(file.getvalue())))
    assert picture.getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (a_file()[:2000], "no picture that we can read"),
        (a_broken_avif(), "no picture that we can read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture that we can read"),
        (b"<html><script>", "no picture that we can read"),
        (a_file("GIF"), "no picture that we can read"),
        (a_file("TIFF"), "no picture that we can read"),
        (b"", "no picture that we can read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "as an iPhone keeps it"),
        (a_huge_file(20_000), "more than 40 megapixels"),
        (a_huge_file(6_000), "more than 20 megapixels"),
        (with_a_bomb(), "no picture that we can read"),
        (a_file(size=(300, 900)), "too small"),
        (a_file(size=(1601, 400)), "may be 4 times the other"),
        (a_file("PNG", **frames()), "moves"),
        (a_file("WEBP", **frames()), "moves"),
        (b"\xff" * (photos.MAX_BYTES + 1), "larger than 12 MB"),
    ],
)
def test_what_is_no_photo_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        photos.master(BytesIO(data))


def test_the_square_is_cut_around_the_face() -> None:
    made = photos.master(BytesIO(a_file(size=(900, 400))))
    for left, expected in ((0, True), (100, False)):
        photo = Photo(clinician_id=1, master=made, focus_x=left)
        for one in photos.renditions(photo, photos.kinds()):
            picture = seen(one.data).convert("RGB")
            assert picture.size == (one.width, one.width)
            assert is_red(picture, (one.width // 2, 9)) is expected


@pytest.fixture
def clinician(content: None) -> Clinician:
    return Clinician.objects.order_by("order")[0]


def a_photo(who: Clinician) -> Photo:
    photo = Photo(clinician=who, master=photos.master(BytesIO(a_file())), focus_x=0)
    photos.keep(photo)
    return photo


def upload(client: Client, who: Clinician, data: bytes | None, **more: Any) -> Any:
    """Save the clinician's form as the browser sends it."""
    photo = Photo.objects.filter(clinician=who).first()
    form = {
        "slug": who.slug, "name": who.name, "profession": who.profession, "order": 0,
        "photo-TOTAL_FORMS": 1, "photo-INITIAL_FORMS": 1 if photo else 0,
        "photo-0-id": photo.pk if photo else "", "photo-0-clinician": who.pk,
        "photo-0-focus_x": 50, "photo-0-focus_y": 50,
    }  # fmt: skip
    if data is not None:
        form["photo-0-upload"] = SimpleUploadedFile("Jane Doe, knee.gif", data)
    url = reverse("admin:services_clinician_change", args=[who.pk])
    return client.post(url, form | more)


def addresses() -> Iterator[str]:
    return (file.get_absolute_url() for file in PhotoFile.objects.all())


def test_staff_upload_a_photo_and_patients_see_it(
    admin_client: Client, client: Client, clinician: Clinician
) -> None:
    before = client.get("/our-team/").content.decode()
    assert "<picture" not in before
    assert upload(admin_client, clinician, a_file()).status_code == 302
    at_once = client.get("/our-team/").content.decode()
    assert 'width="160" height="160"' in at_once
    assert "image/jpeg" in at_once
    assert "image/avif" not in at_once
    assert photos.make_missing() == 1
    assert photos.make_missing() == 0
    for path, words in (("/our-team/", "Photo of"), ("/es/our-team/", "Foto de")):
        page = client.get(path).content.decode()
        assert f'alt="{words} {clinician.name}" fetchpriority="high"' in page
        assert 'width="160" height="160"' in page
        assert page.index("image/avif") < page.index("image/webp")
        assert all(address in page for address in addresses())
    for file in PhotoFile.objects.all():
        got = client.get(file.get_absolute_url())
        assert got["Content-Type"] == f"image/{file.kind}"
        assert "immutable" in got["Cache-Control"]
        assert seen(got.content).width == file.width
        assert "Jane" not in file.get_absolute_url()
    assert {f.width for f in PhotoFile.objects.all()} == set(photos.PORTRAIT.widths)


def test_a_photo_follows_its_face_and_goes_with_its_row(
    admin_client: Client, client: Client, clinician: Clinician
) -> None:
    upload(admin_client, clinician, a_file())
    photos.make_missing()
    first = set(addresses())
    upload(admin_client, clinician, None, **{"photo-0-focus_x": 0})
    photos.make_missing()
    second = set(addresses())
    assert len(first) == len(second)
    assert not first & second
    assert {client.get(address).status_code for address in first} == {404}
    upload(admin_client, clinician, None, **{"photo-0-DELETE": "on"})
    assert not PhotoFile.objects.exists()
    assert {client.get(address).status_code for address in second} == {404}


def test_a_photo_that_is_saved_while_its_files_are_made_keeps_its_own(
    clinician: Clinician, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = a_photo(clinician)
    draw = photos.renditions

    def meanwhile(*args: Any) -> Iterator[photos.Rendition]:
        monkeypatch.setattr(photos, "renditions", draw)
        yield from draw(*args)
        other = Photo.objects.get(pk=photo.pk)
        other.focus_x = 100
        photos.keep(other)

    monkeypatch.setattr(photos, "renditions", meanwhile)
    assert photos.make_missing() == 0
    photo.refresh_from_db()
    for _turn in ("only JPEGs", "all"):
        for file in photo.files.all():
            picture = seen(bytes(file.data)).convert("RGB")
            assert not is_red(picture, (file.width // 2, 9))
        photos.make_missing()
    assert photo.files.count() == len(photos.QUALITY) * len(photos.PORTRAIT.widths)


def test_a_photo_that_is_deleted_while_its_files_are_made_stays_gone(
    clinician: Clinician, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = a_photo(clinician)
    draw = photos.renditions

    def meanwhile(*args: Any) -> Iterator[photos.Rendition]:
        yield from draw(*args)
        Photo.objects.get(pk=photo.pk).delete()

    monkeypatch.setattr(photos, "renditions", meanwhile)
    assert photos.make_missing() == 0
    assert not PhotoFile.objects.exists()


def test_what_breaks_off_is_made_by_the_next_who_tries(
    clinician: Clinician, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = a_photo(clinician)

    def full(*args: Any) -> Iterator[photos.Rendition]:
        yield from ()
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(photos, "renditions", full)
        with pytest.raises(MemoryError):
            photos.make_missing()
    assert {file.kind for file in photo.files.all()} == {"jpeg"}
    assert photos.make_missing() == 1
    assert {file.kind for file in photo.files.all()} == set(photos.QUALITY)


def test_widths_and_formats_of_before_go_when_new_ones_are_there(
    clinician: Clinician, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = a_photo(clinician)
    with monkeypatch.context() as before:
        before.setattr(photos, "PORTRAIT", replace(photos.PORTRAIT, widths=(100, 160)))
        before.setattr(photos.features, "check", lambda feature: feature != "avif")
        photos.make_missing()
        assert {file.kind for file in photo.files.all()} == {"webp", "jpeg"}
    assert photos.make_missing() == 1
    found = {(file.kind, file.width) for file in photo.files.all()}
    assert found == {
        (kind, w) for kind in photos.QUALITY for w in photos.PORTRAIT.widths
    }


def test_of_two_who_save_one_photo_the_last_is_shown_whole(
    clinician: Clinician,
) -> None:
    photo = a_photo(clinician)
    one, other = (Photo.objects.defer("master").get(pk=photo.pk) for _ in range(2))
    one.master = photos.master(BytesIO(a_file(size=(480, 640))))
    photos.keep(one)
    other.focus_x = 0
    photos.keep(other)
    photo.refresh_from_db()
    assert (bytes(photo.master), photo.focus_x) == (bytes(one.master), 0)
    photos.make_missing()
    expected = {r.digest for r in photos.renditions(photo, photos.kinds())}
    assert {file.digest for file in photo.files.all()} == expected


def test_a_photo_that_was_taken_away_is_put_back_with_its_person(
    admin_client: Client, clinician: Clinician
) -> None:
    upload(admin_client, clinician, a_file(), **{"photo-0-focus_x": 7})
    before = set(addresses())
    upload(admin_client, clinician, None, **{"photo-0-DELETE": "on"})
    assert not PhotoFile.objects.exists()
    kept = Version.objects.filter(kind="clinician", row=clinician.pk)
    assert [len(v.content["photos"]) for v in kept] == [0, 1, 0]
    back = reverse("admin:services_clinician_restore", args=[clinician.pk])
    admin_client.post(back, {"version": 2})
    assert Photo.objects.get(clinician=clinician).focus_x == 7
    assert set(addresses()) == before


def test_a_refused_photo_leaves_all_as_it_was(
    admin_client: Client, clinician: Clinician
) -> None:
    for data, words in ((b"nothing", "no picture"), (None, "Choose a picture")):
        response = upload(
            admin_client, clinician, data, name="Other", **{"photo-0-focus_x": 40}
        )
        assert words in response.content.decode()
        assert 'value="Other"' in response.content.decode()
    assert not Photo.objects.exists()
    clinician.refresh_from_db()
    assert clinician.name != "Other"


def test_photos_cost_the_page_one_query_however_many(
    client: Client,
    clinician: Clinician,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    made = photos.master(BytesIO(a_file()))
    for number in range(3):
        who = Clinician.objects.create(
            slug=f"p{number}", name=f"P {number}", profession="physician"
        )
        photos.keep(Photo(clinician=who, master=made))
        if number in (0, 2):
            rows.forget()
            with django_assert_num_queries(3):
                page = client.get("/our-team/").content.decode()
            assert page.count("<picture>") == number + 1
            assert page.count('loading="lazy"') == number
            assert page.count("fetchpriority") == 1


def add(client: Client, **values: Any) -> Any:
    """Save a photo of the clinic, or of the service that is named."""
    file = SimpleUploadedFile("door.png", a_file("PNG"))
    form = {"upload": file, "order": 0, "focus_x": 50, "focus_y": 50} | values
    return client.post(reverse("admin:services_photo_add"), form)


def test_photos_of_the_clinic_stand_in_their_order_and_say_what_they_show(
    admin_client: Client, client: Client, content: None
) -> None:
    assert "Pictures of the clinic" not in client.get("/visit-us/").content.decode()
    add(admin_client, alt="The front desk", order=2)
    add(admin_client, alt="The door on 43rd Street", order=1)
    page = client.get("/visit-us/").content.decode()
    assert page.index("The door on") < page.index("The front desk")
    assert page.count('width="720" height="480"') == 2
    assert page.count('loading="lazy"') == 2
    photos.make_missing()
    for file in PhotoFile.objects.defer(None):
        assert seen(bytes(file.data)).size == (file.width, file.width * 2 // 3)


def test_a_photo_of_a_service_stands_where_its_drawing_was(
    admin_client: Client, client: Client, content: None
) -> None:
    service = Service.objects.published()[0]
    add(admin_client, alt="A needle", service=service.pk)
    page = client.get(service.get_absolute_url()).content.decode()
    assert 'alt="A needle" fetchpriority="high"' in page
    again = add(admin_client, alt="Another", service=service.pk).content.decode()
    assert "This page has a photo already." in again


def test_a_photo_without_words_is_refused_in_words(
    admin_client: Client, content: None
) -> None:
    page = add(admin_client, alt=" ").content.decode()
    assert "Write what the picture shows" in page
    assert "Choose the picture again as well." in page  # browsers drop it
    assert not Photo.objects.exists()


def test_whoever_says_too_much_of_a_photo_is_told(
    admin_client: Client, content: None
) -> None:
    told = admin_client.get(add(admin_client, alt="Our best team")["Location"]).text
    assert "What it shows: “Our best”. It says that we are better" in told


def test_what_a_photo_shows_is_said_in_each_language(
    admin_client: Client, client: Client, content: None
) -> None:
    told = admin_client.get(add(admin_client, alt="The door")["Location"]).text
    assert "In Spanish, patients hear “The door” in English." in told
    assert 'lang="en" alt="The door"' in client.get("/es/visit-us/").content.decode()
    photo = Photo.objects.get()
    Translation.objects.filter(model="photo", row=photo.pk, language="es").update(
        texts={"alt": "La puerta"}, of_digest=photo.english_digest(),
        reviewed_by="Ana", reviewed_on="2026-11-01",
    )  # fmt: skip
    page = client.get("/es/visit-us/").content.decode()
    assert 'alt="La puerta"' in page
    assert "The door" not in page


def test_staff_click_the_main_point_or_move_it_by_keys(
    admin_client: Client, page: Page, content: None
) -> None:
    add(admin_client, alt="The door")
    serve(page, admin_client)
    path = reverse("admin:services_photo_change", args=[Photo.objects.get().pk])
    page.goto(f"{HOST}{path}")
    picture = page.get_by_role("application", name="Main point of the picture")
    numbers = page.locator("[name^=focus]")
    mark = page.locator(".main-point svg svg")

    box = picture.bounding_box()
    assert box
    assert box["width"] / box["height"] == pytest.approx(640 / 480, abs=0.01)
    quarter = {"x": box["width"] / 4, "y": box["height"] / 10}
    picture.click(position=quarter)
    assert [field.input_value() for field in numbers.all()] == ["25", "10"]
    picture.press("ArrowLeft")
    picture.press("ArrowDown")
    expect(page.get_by_text("24 from the left, 11 from the top")).to_be_attached()
    numbers.last.fill("0")
    picture.press("ArrowUp")
    assert [mark.get_attribute(name) for name in ("x", "y")] == ["24%", "0%"]

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Photo.objects.get().focus == (24, 0)


def test_a_picture_that_was_just_chosen_is_shown_to_click_at(
    admin_client: Client, page: Page, clinician: Clinician
) -> None:
    serve(page, admin_client)
    path = reverse("admin:services_clinician_change", args=[clinician.pk])
    page.goto(f"{HOST}{path}")
    page.get_by_role("button", name="Add another Photo").click()
    picture = page.get_by_role("application", name="Main point of the picture")
    expect(picture).to_be_hidden()

    chosen = page.locator("[name=photo-0-upload]")
    wide = a_file("PNG", size=(900, 400))
    chosen.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": wide})
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box
    picture.click(position={"x": box["width"] / 2, "y": box["height"] * 0.7})
    expect(page.locator("[name=photo-0-focus_x]")).to_have_value("50")
    expect(page.locator("[name=photo-0-focus_y]")).to_have_value("70")

    none = {"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}
    chosen.set_input_files(none)
    expect(picture).to_be_hidden()


def test_the_example_for_nginx_takes_pictures_wherever_staff_upload_them():
    conf = (ROOT / "deploy/nginx.conf").read_text()
    [path] = re.findall(r"location ~ (\S+) \{\n *client_max_body_size 13m;", conf)
    uploads = [
        reverse(f"admin:services_{model._meta.model_name}_add")
        for model, page in admin.site._registry.items()
        if any(issubclass(p.form, PhotoForm) for p in (page, *page.inlines))
    ]
    assert len(uploads) == 2
    assert [url for url in uploads if not re.match(path, url)] == []
