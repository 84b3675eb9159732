"""Photographs that are dropped, chosen or taken: what is saved, what is refused, and what the page says of it."""

import base64
import io
import os
import re
import sys

import numpy as np
import permissions
import pytest
from PIL import Image

import d2lite as d2l
from d2lite.widgets import PhotoUpload, photo_upload
from tests.browser import html, violations

SECURE = "https://notebook.test/"  # nobody is asked for it; a camera needs such an address


def picture(color=(200, 30, 30), width=64, height=48, kind="jpeg", **options) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, kind, **options)
    return file.getvalue()


def named(name: str, content: bytes, kind="image/jpeg") -> dict:
    return {"name": name, "mimeType": kind, "buffer": content}


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the photographs go; the folder of the test is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pets"


def files(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class Notebook:
    """A page with an upload, and the Python object that answers it."""

    def __init__(self, page, upload):
        self.page, self.upload, self.told = page, upload, []
        upload.send = self.told.append
        self.answer()  # the page asks whether someone is there

    def answer(self, count: int = 1) -> list[dict]:
        """Wait for so many messages of the page, one after the other, and answer each as a kernel does.

        There is no lens here: what asks for it gets nothing, and is not counted.
        """
        answers = []
        while len(answers) < count:
            self.page.wait_for_function("window.sent?.length", timeout=10_000)
            content = self.page.evaluate("window.sent.shift()")
            if "lens" in content:
                self._hand_over({"id": content["id"]})
                continue
            self.upload._told(self.upload, content, [])
            answers.append(self.told.pop())
            self._hand_over(answers[-1])
        return answers

    def _hand_over(self, content: dict) -> None:
        script = """([content, classes, counts]) => {
            const { model } = document.querySelector(".d2l-widget");
            model.set("classes", classes);
            model.set("counts", counts);
            for (const listener of [...model.listeners.get("msg:custom")]) listener(content, []);
        }"""
        self.page.evaluate(script, [content, self.upload.classes, self.upload.counts])
        self.page.wait_for_timeout(30)

    def choose(self, label: str, *given: dict) -> None:
        self.page.get_by_label(f"choose photographs of {label}").set_input_files([*given])

    @property
    def say(self) -> str:
        return self.page.inner_text(".d2l-kept")

    @property
    def problems(self) -> list[str]:
        return self.page.locator(".d2l-problems li").all_inner_texts()


@pytest.fixture
def notebook(blank):
    """``notebook(upload)``: a page at an address where a camera may be used, wired to the Python object."""
    page, problems = blank(), []
    heard = {
        "console": lambda message: problems.append(message.text) if message.type != "log" else None,
        "pageerror": lambda error: problems.append(str(error)),
    }
    for event, handler in heard.items():
        page.on(event, handler)

    def opened(upload, width=900):
        page.set_viewport_size({"width": width, "height": 900})
        text = html(upload)
        assert "    send() {}" in text, "what the host of the site does with messages"
        text = text.replace("    send() {}", "    send(content) { (window.sent ??= []).push(content); }")
        page.route("**/*", lambda route: route.fulfill(body=text, content_type="text/html"))
        page.goto(SECURE)
        page.wait_for_selector(".d2l-widget[data-mounted]")
        return Notebook(page, upload)

    yield opened
    for event, handler in heard.items():
        page.remove_listener(event, handler)
    assert problems == []


def test_chosen_photographs_become_files_that_load_takes(notebook, folder):
    book = notebook(PhotoUpload("pets", ["cat", "dog"]))
    for label, color in (("cat", (200, 30, 30)), ("dog", (30, 30, 140))):
        given = [named(f"IMG {i}.JPG", picture((*color[:2], color[2] + 20 * i))) for i in range(6)]
        book.choose(label, *given)
        assert [told["saved"] for told in book.answer(6)] == [f"{label}/IMG {i}.jpg" for i in range(6)]
    assert len(files(folder)) == 12 and "holds 12 photographs of 2 classes. Saved as dog/IMG 5.jpg." in book.say
    assert book.page.locator(".d2l-count").all_inner_texts() == ["6 saved", "6 saved"] and book.problems == []
    data = d2l.load("pets", size=8, batch_size=4, device="cpu", fallback=False)
    assert data.classes == ("cat", "dog") and data.train.num_images == 8
    assert (data.train.images[data.train.labels == 0].float().mean((0, 2, 3)).argmax()) == 0, "cats are red"


def test_dropped_photographs_go_to_the_class_that_they_are_dropped_on(notebook, folder):
    book = notebook(PhotoUpload("pets", ["cat", "dog"]))
    script = """async (node, [one, two]) => {
        const data = new DataTransfer();
        for (const [name, text] of [["one.jpg", one], ["two.jpg", two]]) {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            data.items.add(new File([bytes], name, { type: "image/jpeg" }));
        }
        const options = { dataTransfer: data, cancelable: true, bubbles: true };
        const tell = (kind) => node.dispatchEvent(new DragEvent(kind, options));
        const prevented = !tell("dragover");
        const marked = node.classList.contains("d2l-over");
        tell("drop");
        return [prevented, marked, node.classList.contains("d2l-over")];
    }"""
    place = book.page.locator(".d2l-place").nth(1)
    both = [encoded(picture((0, 0, 9))), encoded(picture((0, 90, 0)))]
    assert place.evaluate(script, both) == [True, True, False], "else the browser would open the file"
    assert [told["saved"] for told in book.answer(2)] == ["dog/one.jpg", "dog/two.jpg"]
    assert files(folder) == ["dog/one.jpg", "dog/two.jpg"]


def test_a_photograph_is_turned_shrunk_and_stripped_before_it_is_sent(notebook, folder):
    exif = Image.Exif()
    exif[0x112] = 6  # held upright: the reader sees it turned to the right
    exif.get_ifd(0x8825)[1] = "N"  # where it was taken
    image = Image.new("RGB", (900, 600), "blue")
    image.paste((220, 20, 20), (0, 0, 450, 600))
    file = io.BytesIO()
    image.save(file, "jpeg", exif=exif)
    book = notebook(PhotoUpload("pets"))
    book.page.locator("[data-trait=edge] select").select_option("256 pixels")
    book.choose("cat", named("a.jpg", file.getvalue()), named("b.png", picture((1, 2, 3), 40, 20, "png"), "image/png"))
    book.answer(2)
    with Image.open(folder / "cat" / "a.jpg") as saved:
        assert saved.size == (256, 384) and not saved.getexif() and saved.format == "JPEG"
        red = np.asarray(saved.convert("RGB")).astype(int)
    assert red[20, 128, 0] > 180 and red[360, 128, 2] > 180, "upright"
    with Image.open(folder / "cat" / "b.jpg") as saved:
        assert saved.size == (40, 20), "a small one is not enlarged"


def test_bad_files_are_named_and_the_others_saved(notebook, folder):
    book = notebook(PhotoUpload("pets"))
    video = b"\0\0\0\x20ftypisom" + bytes(5000)
    book.choose(
        "cat", named("clip.jpg", video), named("empty.jpg", b""), named("half.jpg", picture(width=900)[:60]),
        named("sound.jpg", picture((9, 9, 9))),
    )  # fmt: skip
    assert [told["saved"] for told in book.answer()] == ["cat/sound.jpg"]
    assert files(folder) == ["cat/sound.jpg"] and "3 not saved" in book.say
    assert sorted(book.problems) == [
        "clip.jpg: it is no picture that this browser can decode.", "empty.jpg: it is empty.",
        "half.jpg: it is no picture that this browser can decode.",
    ]  # fmt: skip
    book.choose("dog", named("again.jpg", picture((9, 9, 9))))
    assert "there already, as cat/sound.jpg" in book.answer()[0]["problem"] and files(folder) == ["cat/sound.jpg"]
    assert book.problems[0] == "again.jpg: the same photograph is there already, as cat/sound.jpg."
    book.page.get_by_role("button", name="reset", exact=True).click()
    assert book.problems == [] and "holds one photograph of 2 classes" in book.say, "what is saved stays"


def test_the_camera_takes_photographs_whose_names_begin_alike(notebook, folder):
    book = notebook(PhotoUpload("pets"))
    book.page.context.grant_permissions(["camera"])
    shots = book.page.get_by_role("button", name=re.compile("take one of"))
    assert shots.count() == 0, "the camera is closed"
    book.page.get_by_role("button", name="open the camera").click()
    book.page.wait_for_function("document.querySelector('video').videoWidth > 0")
    for label in ("cat", "cat", "dog"):
        book.page.get_by_role("button", name=f"take one of {label}").click()
        (told,) = book.answer()
        assert re.fullmatch(label + r"/camera-\d{8}-\d{6}_00\d\.jpg", told.get("saved", "")), told
        book.page.wait_for_timeout(150)  # the clock of the false camera goes on
    assert len({name.split("/")[1].split("_")[0] for name in files(folder)}) == 1
    with Image.open(folder / files(folder)[0]) as saved:
        assert min(saved.size) > 100 and np.asarray(saved).std() > 10, "it is not black"
    track = "document.querySelector('video').srcObject?.getTracks()[0].readyState"
    assert book.page.evaluate(track) == "live"
    book.page.get_by_role("button", name="close the camera").click()
    assert book.page.evaluate(track) is None and shots.count() == 0
    book.page.get_by_role("button", name="remove the last one").click()
    assert book.answer()[0]["removed"].startswith("dog/") and [name[:3] for name in files(folder)] == ["cat", "cat"]


def test_a_camera_that_may_not_be_used_is_told(mounted):
    page = mounted.open(PhotoUpload())
    page.page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined, configurable: true })")
    page.page.get_by_role("button", name="open the camera").click()
    assert page.page.locator(".d2l-problems li").all_inner_texts() == [
        "The camera: this page may not use it: it needs https or localhost."
    ]


def test_a_class_may_be_added_and_two_spellings_are_one(notebook, folder):
    book = notebook(PhotoUpload("pets", ["golden retriever"]))
    for typed in ("Golden_Retriever", "  cat ", "../out", "."):
        book.page.get_by_label("name of a new class").fill(typed)
        book.page.get_by_label("name of a new class").press("Enter")
        book.answer()
    assert book.upload.classes == ["golden retriever", "cat"] and book.page.locator(".d2l-place").count() == 2
    assert "“Golden_Retriever” and “golden retriever” are one class here" in book.say
    assert len(book.problems) == 2 and "'../out' cannot be the name of a folder" in book.problems[1]
    book.choose("cat", named("a.jpg", picture()))
    book.answer()
    assert files(folder) == ["cat/a.jpg"]


def test_where_no_notebook_runs_the_page_says_so_and_keeps_what_waits(mounted):
    page = mounted.open(PhotoUpload("pets"))
    page.page.get_by_label("choose photographs of cat").set_input_files([named("a.jpg", picture())])
    page.page.wait_for_function("document.querySelector('.d2l-kept').innerText.includes('Nothing is saved here')")
    told = page.page.inner_text(".d2l-kept")
    assert "in Jupyter or Colab" in told and "1 waiting" in told and page.result["saved"] == 0
    assert page.page.locator(".d2l-window").is_hidden(), "no network to look with"


@pytest.mark.parametrize("trait", ["folder", "classes", "counts", "edge"])
def test_nonsense_is_brought_back(mounted, trait):
    page = mounted.open(PhotoUpload("pets"))
    for value in ("NaN", -1e9, 1e9, None, "many", [], [[None], 3], {"a": 1}):
        page.set(trait, value)
        assert re.match("The folder|Nothing is saved here", page.page.inner_text(".d2l-kept")), value
        assert page.result["total"] >= 0
    upload = PhotoUpload("pets")
    upload.edge = 7
    assert upload.edge == 512


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_anyone_can_use_it(mounted, scheme):
    page = mounted.open(PhotoUpload("pets", ["cat", "dog"]), scheme)
    found = violations(page.page, ".d2l-interactive", preload=False)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []


# Python alone: what a page sends is not believed


def saved(upload, **given) -> dict:
    told = []
    upload.send = told.append
    photo = {"class": "cat", "name": "a.jpg", "data": encoded(picture())} | given
    upload._told(upload, {"id": "x", "photo": photo}, [])
    assert told[0].pop("id") == "x"
    return told[0]


BAD = {
    "../../etc": {"class": "../../etc"},
    "cannot be the name": {"class": None},
    "'.git'": {"class": ".git"},
    "60 characters": {"class": "x" * 61},
    "cannot be decoded": {"data": "????"},
    "image file": {"data": encoded(b"MZ" * 500)},
    "identify": {"data": encoded(picture(kind="png"))},
    "truncated": {"data": encoded(picture(width=2000, height=1500)[:-200])},
    "too few": {"data": encoded(picture(width=4))},
    "larger than": {"data": "A" * (12 << 20)},
    "larger than 8": {"data": 7},
}


@pytest.mark.parametrize("why", BAD)
def test_what_is_no_photograph_is_refused_and_nothing_is_left(folder, why):
    told = saved(PhotoUpload("pets"), **BAD[why])
    assert why in told["problem"] and not folder.exists()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("IMG_1.JPEG", "IMG_1.jpg"), ("../../../etc/passwd", "etc-passwd.jpg"), ("a/b\\c:d?.png", "a-b-c-d.jpg"),
        ("", "photo.jpg"),
        (None, "photo.jpg"), (".hidden", "hidden.jpg"), ("x" * 300 + ".jpg", "x" * 60 + ".jpg"), ("Ä ö.jpg", "Ä ö.jpg"),
    ],
)  # fmt: skip
def test_names_of_files_are_made_harmless(folder, given, wanted):
    assert saved(PhotoUpload("pets"), name=given)["saved"] == f"cat/{wanted}" and files(folder) == [f"cat/{wanted}"]


def test_photographs_of_one_name_get_a_number(folder):
    upload = PhotoUpload("pets")
    for i in range(3):
        saved(upload, data=encoded(picture((90 * i, 0, 0))))
    assert files(folder) == ["cat/a-2.jpg", "cat/a-3.jpg", "cat/a.jpg"]
    assert "the same photograph" in saved(upload, name="other.jpg", data=encoded(picture((90, 0, 0))))["problem"]


def test_two_spellings_go_into_the_folder_that_is_there(folder):
    (folder / "Golden Retriever").mkdir(parents=True)
    told = saved(PhotoUpload("pets", ["pug"]), **{"class": "golden-retriever"})
    assert told["saved"] == "Golden Retriever/a.jpg" and "are one class here" in told["note"]
    upload = PhotoUpload("pets", ["PUG"])
    assert (upload.classes, upload.counts) == (["PUG", "Golden Retriever"], [0, 1])
    assert PhotoUpload("pets", ["golden_retriever"]).classes == ["Golden Retriever"]


def test_there_is_a_limit(folder, monkeypatch):
    monkeypatch.setattr(photo_upload, "MOST", 1)
    upload = PhotoUpload("pets")
    saved(upload)
    assert "holds 1 photograph, and takes no more" in saved(upload, data=encoded(picture((1, 1, 1))))["problem"]


@pytest.mark.skipif(sys.platform == "win32", reason="tests of permissions (Windows has others): run them on Linux")
def test_a_folder_that_cannot_be_written_is_told(folder):
    folder.mkdir()
    folder.chmod(0o500)
    with permissions.bind():
        told = saved(PhotoUpload("pets"))
    assert "ermission denied" in told["problem"] and files(folder) == []


def test_a_disk_that_is_full_leaves_no_part(folder, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    told = saved(PhotoUpload("pets"))
    assert "No space left" in told["problem"] and files(folder) == []


def test_only_what_was_saved_here_is_removed(folder):
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "mine.jpg").write_bytes(picture())
    upload, told = PhotoUpload("pets"), []
    upload.send = told.append
    upload._told(upload, {"id": 1, "undo": True}, [])
    assert "nothing was saved" in told[0]["problem"] and files(folder) == ["cat/mine.jpg"]
    for nonsense in (None, [], "x", {"photo": None}, {}):
        upload._told(upload, nonsense, [])
    assert [one for one in told[1:] if one != {"here": True, "id": None}] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("file.txt",), "is a file: give the path of a folder"), (("",), "is no path"),
        (("x", "cat"), "give a list of names"),
        (("x", ["a/b"]), "'a/b' cannot be the name of a folder"), (("x", [3]), "3 cannot be"),
    ],
)  # fmt: skip
def test_what_is_no_folder_and_no_class_is_told(folder, given, message):
    (folder.parent / "file.txt").write_text("")
    with pytest.raises(ValueError, match=re.escape(message)):
        PhotoUpload(*given)


def test_the_picture_shows_the_classes(folder):
    saved(upload := PhotoUpload("pets", ["cat", "dog"]))
    texts = [text.get_text() for text in upload.picture().axes[0].texts]
    assert texts[0] == "pets/" and "cat/" in texts and "1 saved" in texts and "0 saved" in texts
    assert repr(PhotoUpload("pets")) == "PhotoUpload(edge=512, folder='pets')"
