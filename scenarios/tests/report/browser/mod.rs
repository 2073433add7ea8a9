//! A Chromium without a window, driven over the DevTools protocol's pipe: real clicks, real keys.
//!
//! The protocol is JSON with a zero byte after each message, on descriptors 3 and 4; a shell hands them over.
//! Deliberately absent: a crate that speaks it. What is used here of it is a page long.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A browser with one page open.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    calls: u64,
    session: Option<String>,
    /// What the page did wrong or asked for, as far as the browser has told.
    pub(crate) events: Vec<Value>,
}

/// The browser's name, if one is installed.
pub(crate) fn installed() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    })
}

impl Browser {
    /// Starts `name`, with all that it keeps in `home`. It ends with this value, or after two minutes.
    pub(crate) fn start(name: &str, home: &Path) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", r#"exec timeout -k 5 120 "$0" "$@" 3<&0 4>&1 >/dev/null 2>&1"#, name])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--remote-debugging-pipe",
            ])
            .args(["--disable-dev-shm-usage", "--disable-background-networking", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", home.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell is there");
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut browser = Self { child, to, from, calls: 0, session: None, events: Vec::new() };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            browser.call(domain, json!({}));
        }
        browser
    }

    /// One call, and its answer.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({"id": self.calls, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        write!(self.to, "{message}\0").and_then(|()| self.to.flush()).expect("the browser listens");
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).expect("the browser answers");
            assert_eq!(bytes.pop(), Some(0), "the browser is gone, or took too long");
            let answer: Value = serde_json::from_slice(&bytes).expect("the protocol is JSON");
            if answer["id"] == json!(self.calls) {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    /// A screen of this size, a phone's or not.
    pub(crate) fn screen(&mut self, width: u32, height: u32, mobile: bool) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Opens a file, and waits until its script has drawn.
    pub(crate) fn open(&mut self, page: &Path) {
        self.call("Page.navigate", json!({"url": format!("file://{}", page.display())}));
        self.until("document.documentElement.dataset.drawn > 0");
    }

    /// The value of an expression in the page.
    pub(crate) fn ask(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The same as text.
    pub(crate) fn text(&mut self, expression: &str) -> String {
        self.ask(expression).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        let wait = format!(
            "new Promise((done) => {{ let tries = 0; const look = () => {{
                let held = false; try {{ held = Boolean({expression}); }} catch {{}}
                if (held || (tries += 1) > 500) done(held); else setTimeout(look, 10); }}; look(); }})"
        );
        assert_eq!(self.ask(&wait), json!(true), "this never came true: {expression}");
    }

    /// Waits until what was asked of the page is drawn.
    pub(crate) fn settle(&mut self) {
        self.ask(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))",
        );
    }

    fn mouse(&mut self, kind: &str, (x, y): (f64, f64), pressed: bool) {
        let button = if kind == "mouseMoved" && !pressed { "none" } else { "left" };
        let params = json!({"type": kind, "x": x, "y": y, "button": button, "buttons": u8::from(pressed), "clickCount": 1});
        self.call("Input.dispatchMouseEvent", params);
    }

    /// Moves the mouse there.
    pub(crate) fn hover(&mut self, at: (f64, f64)) {
        self.mouse("mouseMoved", at, false);
        self.settle();
    }

    /// Clicks there.
    pub(crate) fn click_at(&mut self, at: (f64, f64)) {
        self.mouse("mouseMoved", at, false);
        self.mouse("mousePressed", at, true);
        self.mouse("mouseReleased", at, false);
        self.settle();
    }

    /// Presses the mouse at one place and releases it at another.
    pub(crate) fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.mouse("mouseMoved", from, false);
        self.mouse("mousePressed", from, true);
        for part in 1..=4 {
            let part = f64::from(part) / 4.0;
            self.mouse(
                "mouseMoved",
                (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part),
                true,
            );
        }
        self.mouse("mouseReleased", to, false);
        self.settle();
    }

    /// Brings an element into view.
    pub(crate) fn show(&mut self, element: &str) {
        self.ask(&format!("{element}.scrollIntoView({{ block: 'center' }})"));
        self.settle();
    }

    /// Where the middle of an element is, once it is in view. What lies over it would get the click.
    pub(crate) fn middle(&mut self, element: &str) -> (f64, f64) {
        self.show(element);
        let at = self.ask(&format!(
            "(() => {{ const element = {element}, box = element.getBoundingClientRect();
                const at = [box.left + box.width / 2, box.top + box.height / 2];
                const top = document.elementFromPoint(...at);
                return element === top || element.contains(top) || top.contains(element) ? at : []; }})()"
        ));
        let number =
            |place: usize| at[place].as_f64().unwrap_or_else(|| panic!("{element} cannot be clicked"));
        (number(0), number(1))
    }

    /// Clicks an element.
    pub(crate) fn click(&mut self, element: &str) {
        let at = self.middle(element);
        self.click_at(at);
    }

    /// Presses a key: a character, or a key by its name.
    pub(crate) fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        self.call("Input.dispatchKeyEvent", json!({"type": "keyDown", "key": key, "text": text}));
        self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key}));
        self.settle();
    }

    /// What the browser told of, by the names of its events.
    pub(crate) fn told(&self, method: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["method"] == method).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // `timeout` hands the signal on; a browser that is gone already is gone.
        let _ = write!(self.to, r#"{{"id":0,"method":"Browser.close"}}{}"#, '\0');
        let _ = self.to.flush();
        let _ = self.child.wait();
    }
}
