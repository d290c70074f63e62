"""Takes pictures of a bot's chat page; the template's tests run it in the bot's environment.

python pictures.py CHROMIUM URL-OF-THE-PAGE PARAMETERS EXPIRED-TOKEN FOLDER
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

chromium, url, parameters, expired, folder = sys.argv[1:]
arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]


def picture(browser, name, link, messages, **kwargs):
    tab = browser.new_page(**kwargs)
    tab.goto(link)
    tab.get_by_role("log").get_by_text("How can I help you?").wait_for()
    for text, answer in messages:
        tab.get_by_role("textbox").fill(text)
        tab.keyboard.press("Enter")
        tab.get_by_role("log").get_by_text(answer).wait_for()
    print(name, tab.get_by_role("log").inner_text())
    tab.screenshot(path=Path(folder) / f"{name}.png")
    tab.close()


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
    talk = [("hey", "Hello Ada!"), ("what plan am I on?", "plan: pro")]
    desktop = {"viewport": {"width": 860, "height": 480}}
    phone = {"viewport": {"width": 320, "height": 568}, "device_scale_factor": 2}
    picture(browser, "desktop", f"{url}?{parameters}", talk, **desktop)
    picture(browser, "phone", f"{url}?{parameters}", talk, **phone)
    picture(browser, "dark", f"{url}?{parameters}", talk, color_scheme="dark", **phone)
    wrong = f"{url}?user.name=Ada&account.plan=gold#token={expired}"
    picture(browser, "error", wrong, [("hey", "Your sign-in is no longer valid.")], **desktop)
