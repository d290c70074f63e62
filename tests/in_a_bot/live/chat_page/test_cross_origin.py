"""A page on a site that `--cors` names reads every answer, in a real browser."""

import json

import pytest

from in_a_bot.fast.served import Running, serve

FETCH = """async ([url, options]) => {
  const response = await fetch(url, options)
  const names = ["Retry-After", "WWW-Authenticate"].filter((name) => response.headers.has(name))
  return [response.status, names, await response.text()]
}"""
JSON = {"Content-Type": "application/json"}
BODY = '{"sender": "ada", "message": "hello"}'


async def fail(*_):
    raise RuntimeError("oops")


# The part of the URL behind /webhooks/rest/, fetch's options, and the agent's attributes.
REQUESTS = {
    "200": ("webhook", {}, {}),
    "200, a stream": ("webhook?stream=true", {}, {}),
    "400": ("webhook", {"body": "{"}, {}),
    "401": ("webhook", {"headers": {**JSON, "Authorization": "Bearer x"}}, {}),
    "403": ("webhook", {"body": BODY.replace("ada", "user:ada")}, {}),
    "404": ("nowhere", {}, {}),
    "405": ("webhook", {"method": "PUT"}, {}),
    "413": ("webhook", {"body": f"{BODY}{' ' * 2000}"}, {}),
    "415": ("webhook", {"headers": {"Content-Type": "text/plain"}}, {}),
    "422": ("webhook", {"body": BODY.replace("hello", "")}, {}),
    "500": ("webhook", {}, {"behave": fail}),
    "503": ("webhook", {}, {"domain": None}),
}
HEADERS = {401: ["WWW-Authenticate"], 503: ["Retry-After"]}


@pytest.fixture(scope="module")
def app(site):
    with Running(serve(cors=[site[1]], max_body_bytes=1000)) as app:
        yield app


@pytest.fixture(scope="module")
def tab(browser, site):
    (site[0] / "empty.html").write_text("<!doctype html><title>Site</title>")
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{site[1]}/empty.html")
    yield tab
    context.close()


@pytest.mark.parametrize("case", REQUESTS)
def test_a_page_on_another_site_reads(app, tab, case, monkeypatch):
    path, options, attributes = REQUESTS[case]
    for name, value in attributes.items():
        monkeypatch.setattr(app.ctx.agent, name, value)
    url = f"http://127.0.0.1:{app.ctx.port}/webhooks/rest/{path}"
    options = {"method": "POST", "headers": JSON, "body": BODY, **options}
    status, headers, text = tab.evaluate(FETCH, [url, options])
    assert (status, headers) == (int(case[:3]), HEADERS.get(status, []))
    if status != 200:
        assert json.loads(text)["code"] == status
