"""The bodies of the suite: one element of a name, and text in it."""
import wws

NAMESPACE = "urn:suite"
PATIENCE_S = 10
OVER = {"http": {"transport": wws.Transport.HTTP,
                 "encoding": wws.Encoding.UTF8},
        "tcp": {"transport": wws.Transport.TCP,
                "encoding": wws.Encoding.UTF8}}
SCHEMES = {"http": "http", "tcp": "net.tcp"}


def body_of(name, text):
    return f'<{name} xmlns="{NAMESPACE}">{text}</{name}>'.encode()


def text_in(body):
    """What stands between the first > and the next <."""
    return body.decode().partition(">")[2].partition("<")[0]
