"""What the services ask of who asks them, made for one run."""


def environment():
    """The secrets that the services are started with."""
    return {}


def headers(service):
    """What a client of this service sends."""
    return {}
