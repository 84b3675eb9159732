"""What stands between this machine and a host: the network's trouble by its name, with the remedy."""

import os
import socket
import ssl

import requests

LOGIN = "does this network want a login first? Open a page in a browser, log in, and load again"
SILENCE = "no answer came in time: there is no network, or a firewall drops what it forbids"


def trouble(error: Exception, url: str) -> str:
    """Why ``url`` could not be asked, and what mends it, in one line; a password in a proxy's address stays out."""
    root: BaseException = error
    while cause := root.__cause__ or root.__context__:
        root = cause
    # requests tells of a missing file by a bare OSError.
    if type(error) is OSError or (isinstance(root, ssl.SSLError) and root.library in ("X509", "PEM")):
        return (
            "the file of trusted certificates is missing or damaged: mend or unset REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE"
        )
    if isinstance(root, ssl.SSLCertVerificationError):
        return (
            f"the certificate is not trusted ({root.verify_message}): where a firm or school inspects traffic, set "
            f"REQUESTS_CA_BUNDLE to a file with its certificate; else look at this machine's clock"
        )
    response = getattr(error, "response", None)
    status = 0 if response is None else response.status_code
    chosen = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)) or ""
    proxy, own = chosen.rpartition("@")[2].rpartition("//")[2], f"{url.partition(':')[0].upper()}_PROXY"
    names = (name for name, value in os.environ.items() if value == chosen and name.upper() in (own, "ALL_PROXY"))
    variable = next(names, own)
    if status == 407 or "failed: 407" in str(root):
        return f"the proxy {proxy} wants a name and a password: set {variable} to http://NAME:PASSWORD@{proxy}"
    if status:
        return LOGIN if status == 511 else f"HTTP status {status}"
    if isinstance(error, requests.Timeout):
        return f"the proxy {proxy} does not answer: mend or unset {variable}" if proxy else SILENCE
    if proxy or isinstance(error, ValueError):  # no words of a ValueError: it may quote all
        why = "install pysocks" if "SOCKS" in str(root) else "its address cannot be read; one is http://HOST:PORT"
        why = why if isinstance(error, ValueError) else getattr(root, "strerror", None) or str(root).strip()
        return f"the proxy {proxy} does not let us through ({why}): mend or unset {variable}"
    if isinstance(root, socket.gaierror):
        return "names of hosts are not known here: there is no network, or its name server does not work"
    return "the connection is refused" if isinstance(root, ConnectionRefusedError) else type(root).__name__
