"""The network's real trouble is told by its name, with the remedy; and a mirror of one's own is asked first."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from datafiles import small_fashion

from d2lite import data
from d2lite.data import download

FAR = "http://mirror.invalid"  # a name that no name server may know
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Nothing on this machine, the full profile, and no settings of this machine's network; the empty cache."""
    monkeypatch.setenv("D2LITE_PROFILE", "full")
    monkeypatch.setenv("D2LITE_CACHE", str(tmp_path / "cache"))
    for name in ("D2LITE_DATA", "D2LITE_MIRROR", *VARIABLES, *(name.lower() for name in VARIABLES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "_silent", {})
    real = socket.getaddrinfo

    def resolve(host, *rest, **options):
        if str(host).endswith(".invalid"):  # at once and in each network, also where a name server hangs
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return tmp_path / "cache"


@pytest.fixture
def server():
    """``server(answer, context=None)``: the host and port of a server that answers with ``answer(path)``, a status, a
    type and bytes. Its requests are in ``server.requests``."""
    with contextlib.ExitStack() as stack:

        def start(answer, context=None):
            class Handler(BaseHTTPRequestHandler):
                def log_message(self, *_):
                    pass

                def reply(self):
                    start.requests.append((self.command, self.path))
                    status, kind, body = answer(self.path)
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    if self.command == "GET":
                        self.wfile.write(body)

                do_GET = do_HEAD = do_CONNECT = reply

            here = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            if context:
                here.socket = context.wrap_socket(here.socket, server_side=True)
            threading.Thread(target=here.serve_forever, args=(0.02,), daemon=True).start()
            stack.callback(here.server_close)
            stack.callback(here.shutdown)
            return f"127.0.0.1:{here.server_address[1]}"

        start.requests = []
        yield start


def files_of(files):
    """An answer that serves ``files`` by the last part of the path; anything else is missing."""

    def answer(path):
        body = files.get(path.rpartition("/")[2])
        return (404, "text/plain", b"") if body is None else (200, "application/octet-stream", body)

    return answer


def told(monkeypatch, *mirrors) -> str:
    """What a load says where these mirrors are all there is."""
    small_fashion(monkeypatch, None, mirrors=mirrors)
    with pytest.raises(data.NotFoundError) as caught:
        data.load("fashion_mnist")
    return str(caught.value)


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


# A proxy


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password(monkeypatch, server, scheme):
    proxy, name = server(lambda path: (407, "text/plain", b"")), f"{scheme.upper()}_PROXY"
    monkeypatch.setenv(name, f"http://me:secret@{proxy}")
    said = told(monkeypatch, f"{scheme}://mirror.invalid")
    assert f"the proxy {proxy} wants a name and a password: set {name} to http://NAME:PASSWORD@{proxy}" in said
    assert "secret" not in said and "me:" not in said


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:1", "Connection refused"),
        ("http://no.such.proxy.invalid:80", "Name or service not known"),
        ("http://me:secret@127.0.0.1:port", "its address cannot be read"),
        ("http://[::1", "its address cannot be read"),
        ("localhost:1", "its address cannot be read; one is http://HOST:PORT"),
        ("gopher://127.0.0.1:1", "its address cannot be read"),
    ],
)
def test_a_wrong_proxy(monkeypatch, scheme, address, why):
    name = f"{scheme.upper()}_PROXY"
    monkeypatch.setenv(name, address)
    said = told(monkeypatch, f"{scheme}://mirror.invalid")
    where = address.rpartition("@")[2].rpartition("//")[2]
    assert f"the proxy {where} does not let us through (" in said and f"): mend or unset {name}" in said
    assert "secret" not in said
    assert why in said


def test_the_variable_that_names_the_proxy_is_told(monkeypatch, server):
    proxy = server(lambda path: (407, "text/plain", b""))
    for name in ("ALL_PROXY", "https_proxy"):
        with monkeypatch.context() as one:
            one.setenv(name, f"http://{proxy}")
            assert f"set {name} to http://NAME:PASSWORD@{proxy}" in told(one, "https://mirror.invalid")
            one.setenv(name, "http://127.0.0.1:1")
            assert f"mend or unset {name}" in told(one, "https://mirror.invalid")


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9\r\n"])
def test_what_is_no_proxy_is_named_as_one(monkeypatch, said):
    with socket.create_server(("127.0.0.1", 0)) as one:
        proxy = f"127.0.0.1:{one.getsockname()[1]}"

        def answer():
            client, _ = one.accept()
            with client:
                client.recv(4096)
                client.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        assert f"the proxy {proxy} does not let us through (" in told(monkeypatch, "https://mirror.invalid")


def test_a_proxy_that_forbids(monkeypatch, server):
    monkeypatch.setenv("HTTPS_PROXY", f"http://{server(lambda path: (403, 'text/plain', b''))}")
    assert "Tunnel connection failed: 403 Forbidden): mend or unset HTTPS_PROXY" in told(
        monkeypatch, "https://mirror.invalid"
    )


def test_a_socks_proxy_without_the_package_for_it(monkeypatch):
    def missing(*_, **__):  # as requests.adapters has it where the package is not there
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", missing)
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
    assert "the proxy 127.0.0.1:1 does not let us through (install pysocks)" in told(monkeypatch, FAR)


def test_a_silent_proxy(monkeypatch):
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as one:
        proxy = f"127.0.0.1:{one.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy}")
        assert f"the proxy {proxy} does not answer: mend or unset HTTP_PROXY" in told(monkeypatch, FAR)


# Certificates


@pytest.fixture
def certified(server, tmp_path):
    """An https server, and the file of its certificate, which nobody has signed."""
    if not shutil.which("openssl"):
        pytest.skip("tests of an untrusted certificate (no openssl): install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=here -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return lambda answer: f"https://{server(answer, context)}", certificate


def test_an_untrusted_certificate(monkeypatch, certified):
    start, certificate = certified
    files = small_fashion(monkeypatch, None)
    url = start(files_of(files))
    said = told(monkeypatch, url)
    assert "the certificate is not trusted (self" in said and "set REQUESTS_CA_BUNDLE to a file with its" in said
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert data.load("fashion_mnist").train.num_images == 500  # at once: the failure before is not remembered


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_file_of_certificates_that_is_none(monkeypatch, certified, tmp_path, name, exists):
    start, _ = certified
    bundle = tmp_path / "bundle.pem"
    if exists:
        bundle.write_text("nothing\n")
    monkeypatch.setenv(name, str(bundle))
    said = told(monkeypatch, start(lambda path: (200, "text/plain", b"")))
    assert (
        "the file of trusted certificates is missing or damaged: mend or unset REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE"
        in said
    )


def test_a_missing_file_of_certificates_is_not_taken_for_a_full_disk(monkeypatch, server, certified):
    """A mirror that answers by http and sends on to https: the trouble comes while a file is received."""
    start, _ = certified
    secure = start(lambda path: (200, "text/plain", b""))
    plain = server(lambda path: (200, "text/plain", b""))
    real = download.requests.get
    monkeypatch.setattr(download.requests, "get", lambda url, **options: real(f"{secure}/x", **options))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    said = told(monkeypatch, f"http://{plain}")
    assert "could not be downloaded" in said and "trusted certificates is missing" in said


# No network, a login page, silence


def test_a_name_that_is_not_known(monkeypatch):
    said = told(monkeypatch, FAR, "http://other.invalid")
    assert said.count("names of hosts are not known here") == 1 and "mirror.invalid" not in said


def test_mirrors_that_fail_in_different_ways(monkeypatch):
    said = told(monkeypatch, FAR, f"http://{closed_port()}")
    assert "does not work; the connection is refused)" in said


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>Log in", b"\n <html>Log in</html>"])
def test_a_login_page_in_place_of_the_file(monkeypatch, server, cache, page):
    said = told(monkeypatch, f"http://{server(lambda path: (200, 'text/html', page))}")
    assert "delivered other bytes than published (a web page: does this network want a login first?" in said
    assert not [path for path in cache.rglob("*") if path.is_file() and path.name != ".lock"]


def test_a_network_that_wants_a_login(monkeypatch, server):
    assert "want a login first? Open a page in a browser" in told(
        monkeypatch, f"http://{server(lambda path: (511, 'text/html', b''))}"
    )


def test_other_bytes_are_no_login_page(monkeypatch, server):
    said = told(monkeypatch, f"http://{server(lambda path: (200, 'text/plain', b'noise'))}")
    assert "delivered other bytes than published" in said and "web page" not in said


def test_silence_on_all_sides_costs_one_waiting_time(monkeypatch):
    """Also of a data set whose forms are served by different hosts, and only once within a minute."""
    from dataclasses import replace

    monkeypatch.setattr(download, "PROBE_SECONDS", 1.2)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        small_fashion(monkeypatch, None)
        small = data.DATASETS["fashion_mnist"]
        layouts = [replace(small.layouts[0], mirrors=(f"http://127.0.0.1:{one.getsockname()[1]}/",)) for one in silent]
        monkeypatch.setitem(data.DATASETS, "fashion_mnist", replace(small, layouts=tuple(layouts)))
        took = []
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(data.NotFoundError, match=r"no mirror answers \(no answer came in time: there is no"):
                data.load("fashion_mnist")
            took.append(time.monotonic() - began)
    assert 1.1 < took[0] < 2.2 and took[1] < 0.5


@pytest.mark.parametrize("trouble", ["proxy", "names"])
def test_digits_stand_in_only_with_the_cause_in_the_line(monkeypatch, server, capsys, trouble):
    monkeypatch.setenv("D2LITE_PROFILE", "quick")
    small_fashion(monkeypatch, None, mirrors=[FAR])
    if trouble == "proxy":
        monkeypatch.setenv("HTTP_PROXY", f"http://{server(lambda path: (407, 'text/plain', b''))}")
    assert data.load("fashion_mnist").is_stand_in
    out = capsys.readouterr().out
    cause = {"proxy": "wants a name and a password: set HTTP_PROXY", "names": "names of hosts are not known"}[trouble]
    assert out.count("\n") == 1 and cause in out and "digits stand in" in out


# A mirror of one's own


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_mirror_of_ones_own_is_asked_first(monkeypatch, server, slash):
    files = small_fashion(monkeypatch, None)
    own, published = server(files_of(files)), server(files_of(files))
    small_fashion(monkeypatch, None, mirrors=[f"http://{published}"])
    monkeypatch.setenv("D2LITE_MIRROR", f"http://{own}/some/data{slash}")
    assert data.load("fashion_mnist").train.num_images == 500
    asked = [path for command, path in server.requests if command == "GET"]
    assert sorted(asked) == sorted(f"/some/data/FashionMNIST/raw/{name}" for name in files)


@pytest.mark.parametrize("lacks", ["all", "altered"])
def test_what_a_mirror_of_ones_own_lacks_comes_from_the_published_ones(monkeypatch, server, lacks):
    files = small_fashion(monkeypatch, None)
    own = server(files_of({} if lacks == "all" else {name: content + b"?" for name, content in files.items()}))
    small_fashion(monkeypatch, None, mirrors=[f"http://{server(files_of(files))}"])
    monkeypatch.setenv("D2LITE_MIRROR", f"http://{own}")
    assert len(data.prepare("fashion_mnist")) == 4


@pytest.mark.parametrize("address", ["/srv/data", "ftp://host/data", "host/data", "https://", "http:///data"])
def test_a_mirror_that_is_no_address(monkeypatch, address):
    small_fashion(monkeypatch, None, mirrors=[FAR])
    monkeypatch.setenv("D2LITE_MIRROR", address)
    with pytest.raises(data.DataError, match=r"D2LITE_MIRROR is .*: give the address .*https://example\.org/data/"):
        data.load("fashion_mnist", fallback=True)


def test_a_password_in_the_mirrors_address_is_not_shown(monkeypatch, server):
    own = server(lambda path: (404, "text/plain", b""))
    monkeypatch.setenv("D2LITE_MIRROR", f"http://me:secret@{own}/data")
    said = told(monkeypatch, FAR)
    assert "secret" not in said and f"{own}: HTTP status 404; mirror.invalid: names of hosts are not known" in said
