"""Host and port as they stand in URLs and lists of servers."""

from warren.settings.units import WrongValue

BRACKETS = "write host:port, an IPv6 address in brackets: [address]:port"


def host_and_port(authority: str) -> tuple[str, int | None]:
    """The two parts of `host:port`; either may be missing. Raises WrongValue; of the host it judges the brackets only."""
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise WrongValue(BRACKETS)
        port = port[1:]
    else:
        if authority.count(":") > 1:
            raise WrongValue(BRACKETS)
        host, _, port = authority.partition(":")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise WrongValue("the port is a number from 1 to 65535")
    return host, int(port)
