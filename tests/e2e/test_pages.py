# SPDX-License-Identifier: MIT
"""Swagger UI of each surface in a real browser: sign in, Authorize as the document says, call."""

import gzip
import json
import time
import unittest

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from briksync import ISSUER, sign
from demo import DEMO, start_demo
from rest import Web

DOCS = {"basicsos": "/api/docs/", "incrm": "/api/v1/docs/", "briksync": "/api/docs/",
        "gateway": "/v1/docs/", "omnicrm": "/crm/docs/"}
TITLES = {"basicsos": "BasicsOS CRM", "incrm": "InCRM", "briksync": "BrikSync",
          "gateway": "Basics Gateway", "omnicrm": "OmniCRM"}
PASSWORD = "a long enough password"


def start_browser():
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--window-size=1400,2400"):
        options.add_argument(option)
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon, cls.ports = start_demo(cls)
        cls.daemon.call("UserService/SetOrganization", {
            "realm": "briksync", "id": "acme", "plan": "BUSINESS", "updateMask": "plan"})
        for realm in ("basicsos", "incrm"):
            cls.daemon.call("UserService/CreateUser", {
                "realm": realm, "email": "ada@example.com", "password": PASSWORD,
                "roles": ["admin"], "organizationId": "acme"})
        cls.daemon.cli("import", "users", "--realm", "omnicrm",
                       DEMO.parent / "users/omnicrm.jsonl")
        cls.browser = start_browser()
        cls.addClassCleanup(cls.browser.quit)

    def wait(self, what):
        return WebDriverWait(self.browser, 30).until(lambda _: what())

    def one(self, css, inside=None):
        return self.wait(lambda: (inside or self.browser).find_elements(By.CSS_SELECTOR, css))[0]

    def open(self, realm):
        self.browser.get(f"http://127.0.0.1:{self.ports[realm]}{DOCS[realm]}")
        self.wait(lambda: TITLES[realm] in self.browser.title)

    def operation(self, method, path):
        """An operation, unfolded and ready to be tried."""
        def find():
            for block in self.browser.find_elements(By.CSS_SELECTOR, f".opblock-{method.lower()}"):
                at = block.find_element(By.CSS_SELECTOR, ".opblock-summary-path")
                if at.get_attribute("data-path") == path:
                    return block
            return None

        block = self.wait(find)
        block.find_element(By.CSS_SELECTOR, ".opblock-summary-control").click()
        button = self.one(".try-out__btn", block)
        if "cancel" not in button.get_attribute("class"):
            button.click()
        return block

    def execute(self, method, path, body=None):
        """Tries an operation; (status, JSON of the answer)."""
        block = self.operation(method, path)
        if body is not None:
            area = self.one("textarea.body-param__text", block)
            self.browser.execute_script("""
                const set = Object.getOwnPropertyDescriptor(
                    HTMLTextAreaElement.prototype, "value").set;
                set.call(arguments[0], arguments[1]);
                arguments[0].dispatchEvent(new Event("input", {bubbles: true}));
            """, area, json.dumps(body))
        self.one(".execute", block).click()
        status = self.one(".live-responses-table tbody .response-col_status", block).text.split()[0]
        shown = block.find_elements(
            By.CSS_SELECTOR, ".live-responses-table tbody .highlight-code")
        text = shown[0].text if shown else "null"
        block.find_element(By.CSS_SELECTOR, ".opblock-summary-control").click()
        return int(status), json.loads(text.replace("Download", "").strip() or "null")

    def authorize(self, value, scheme=0):
        """Pastes a value into Authorize, as a reader of the document does."""
        self.one(".auth-wrapper .authorize").click()
        form = self.wait(lambda: self.browser.find_elements(
            By.CSS_SELECTOR, ".auth-container form"))[scheme]
        form.find_element(By.CSS_SELECTOR, "input").send_keys(value)
        form.find_element(By.CSS_SELECTOR, "button.authorize").click()
        self.one(".modal-ux .close-modal").click()
        time.sleep(0.1)

    def assert_no_complaints(self):
        """Of the browser: a policy that forbids what the page does, a file that is not there."""
        told = [entry["message"] for entry in self.browser.get_log("browser")
                if "401" not in entry["message"]]
        self.assertEqual(told, [])

    def test_O16_log_in_authorize_and_call_on_the_page(self):
        """Log in by "Try it out", copy the token, paste it prefixed by Bearer, and call."""
        self.open("omnicrm")
        status, told = self.execute("POST", "/auth/login", {
            "email": "youruser@yourdomain.com", "password": "yourpassword"})
        self.assertEqual(status, 200, told)
        self.assertIn("refresh_token", told)
        status, _ = self.execute("POST", "/auth/logout")
        self.assertEqual(status, 401)
        self.authorize("Bearer " + told["token"])
        status, _ = self.execute("POST", "/auth/logout")
        self.assertEqual(status, 204)
        self.assert_no_complaints()

    def test_incrm(self):
        self.open("incrm")
        status, told = self.execute("POST", "/api/v1/auth/sign-in", {
            "email": "ada@example.com", "password": PASSWORD})
        self.assertEqual(status, 200, told)
        self.authorize(told["data"]["accessToken"])
        status, told = self.execute("POST", "/api/v1/api-key", {"name": "From the page"})
        self.assertEqual((status, told["data"]["name"]), (201, "From the page"))
        status, told = self.execute("GET", "/api/v1/api-key")
        self.assertEqual([key["name"] for key in told["data"]], ["From the page"])
        self.assert_no_complaints()

    def test_basicsos(self):
        self.open("basicsos")
        status, told = self.execute("POST", "/api/auth/sign-in/email", {
            "email": "ada@example.com", "password": PASSWORD})
        self.assertEqual(status, 200, told)
        # The cookie is enough: the page is of the same origin.
        status, told = self.execute("POST", "/api/api-tokens", {"name": "From the page"})
        self.assertEqual((status, told["name"]), (201, "From the page"))
        status, told = self.execute("POST", "/api/auth/sign-out")
        self.assertEqual((status, told), (200, {"success": True}))
        self.assert_no_complaints()

    def test_briksync(self):
        self.open("briksync")
        self.authorize(sign({
            "iss": ISSUER, "aud": "authenticated", "exp": int(time.time()) + 600, "sub": "ada",
            "app_metadata": {"roles": ["admin"], "organization_id": "acme"}}))
        status, told = self.execute("POST", "/api/api-keys", {"name": "From the page"})
        self.assertEqual((status, told["data"]["name"]), (201, "From the page"))
        status, told = self.execute("GET", "/api/api-keys")
        self.assertEqual([key["name"] for key in told["data"]], ["From the page"])
        self.assert_no_complaints()

    def test_the_gateway_has_a_page_without_operations(self):
        self.open("gateway")
        self.assertEqual(self.browser.find_elements(By.CSS_SELECTOR, ".opblock"), [])
        self.assert_no_complaints()


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon, ports = start_demo(cls)
        cls.webs = {realm: Web(port) for realm, port in ports.items()}

    def test_the_pages_are_public_and_of_one_origin(self):
        for realm, path in DOCS.items():
            for name, kind in (("", "text/html"), ("init.js", "text/javascript"),
                               ("swagger-ui.css", "text/css"),
                               ("swagger-ui-bundle.js", "text/javascript")):
                answer = self.webs[realm].ask("GET", path + name)
                self.assertEqual(answer.status, 200, (realm, name))
                self.assertEqual(answer.header("Content-Type"), f"{kind}; charset=utf-8")
                self.assertIn("default-src 'none'; script-src 'self';",
                              answer.header("Content-Security-Policy"))
                self.assertTrue(gzip.decompress(answer.body))
                head = self.webs[realm].ask("HEAD", path + name)
                self.assertEqual((head.status, head.body), (200, b""))

    def test_other_requests(self):
        web = self.webs["incrm"]
        answer = web.ask("GET", "/api/v1/docs")
        self.assertEqual((answer.status, answer.header("Location")), (308, "/api/v1/docs/"))
        answer = web.ask("POST", "/api/v1/docs/", body=b"{}")
        self.assertEqual((answer.status, answer.header("Allow")), (405, "GET, HEAD"))
        for path in ("/api/v1/docs/../openapi.json", "/api/v1/docs/nothing", "/api/v1/docsx"):
            self.assertEqual(web.ask("GET", path).status, 404, path)
        for accepted, status in (("gzip", 200), ("*", 200), ("br, gzip;q=0.5", 200),
                                 ("identity", 406), ("br", 406)):
            answer = web.ask("GET", "/api/v1/docs/", ("Accept-Encoding", accepted))
            self.assertEqual(answer.status, status, accepted)


if __name__ == "__main__":
    unittest.main()
