"""What the services ask of who asks them, made for one run."""

import json

import reminder_service

ADMIN = "the-admin-of-this-check-only"


def environment():
    """The secrets that the services are started with."""
    return {
        "WATCHFIRE_RECRUITMENT_TOKENS": ADMIN,
        "WATCHFIRE_SESSIONS_KEY": f"{reminder_service.KEY_ID}:{reminder_service.KEY}",
    }


def headers(service, ask):
    """What a client of this service sends: one who may do all there is to do. `ask` asks the service."""
    if service == "reminders":
        return {"authorization": f"Bearer {reminder_service.session('anna')}"}
    if service == "recruitment":
        wanted = json.dumps({"subject": "ada", "role": "admin"}).encode()
        sent = {"authorization": f"Bearer {ADMIN}", "content-type": "application/json"}
        status, _, answer = ask("/v1/tokens", "POST", sent, wanted)
        if status != 201:
            raise SystemExit(f"recruitment issues no token: {status} {answer.decode()}")
        return {"authorization": f"Bearer {json.loads(answer)['token']}"}
    return {}
