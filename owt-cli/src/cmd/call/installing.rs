//! While a call waits for its packages: what the server says of their installation.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use owt_client::{Client, Code, Envelope};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::ui;

/// A call that is answered sooner waits for no packages.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// How often the server is asked from then on.
const INTERVAL: Duration = Duration::from_millis(300);

/// Whether code may bring packages: it has a metadata block (PEP 723).
pub(super) fn may_install(envelope: &Envelope) -> bool {
    match &envelope.code {
        Code::Source(source) => source.text().contains("# /// script"),
        Code::Known(_) => true,
    }
}

/// Shows on standard error what is said of the installations that have begun since. Never returns.
pub(super) async fn show(client: &Client) -> Infallible {
    let (began, mut shown) = (Instant::now(), HashMap::new());
    sleep(FIRST_LOOK).await;
    loop {
        if let Ok(reply) = client.status("environments").await
            && let Ok(environments) = reply.json::<Vec<Value>>().await
        {
            let lines = news(&environments, began.elapsed().as_secs_f64(), &mut shown);
            let show = ui::progress();
            lines.iter().for_each(|line| show(line));
        }
        sleep(INTERVAL).await;
    }
}

/// The lines that have not been shown, of environments whose installation began within so many seconds.
fn news(environments: &[Value], within: f64, shown: &mut HashMap<String, usize>) -> Vec<String> {
    let is_new = |environment: &&Value| {
        let since = environment["since"].as_f64().unwrap_or(f64::INFINITY);
        let key = environment["key"].as_str().unwrap_or_default();
        let is_under_way = environment["state"] == "installing" && since <= within;
        is_under_way || shown.contains_key(key)
    };
    let mut news = Vec::new();
    for environment in environments.iter().filter(is_new).collect::<Vec<_>>() {
        let lines = environment["progress"].as_array().map(Vec::as_slice).unwrap_or_default();
        let key = environment["key"].as_str().unwrap_or_default().to_owned();
        let count = shown.entry(key).or_default();
        let texts = lines.iter().skip(*count).filter_map(Value::as_str);
        news.extend(texts.map(str::to_owned));
        *count = lines.len();
    }
    news
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_line_of_an_installation_that_began_since_is_shown_once() {
        let environment = |key: &str, state: &str, since: f64, progress: &[&str]| json!({"key": key, "state": state, "since": since, "progress": progress});
        let mut shown = HashMap::new();
        let first = [
            environment("a", "installing", 0.5, &["Resolved 2 packages"]),
            environment("b", "installing", 99.0, &["somebody else's"]),
            environment("c", "running", 0.5, &["there before"]),
        ];
        assert_eq!(news(&first, 1.0, &mut shown), ["Resolved 2 packages"]);
        assert_eq!(news(&first, 1.3, &mut shown), Vec::<String>::new());
        let second = [environment("a", "starting", 0.1, &["Resolved 2 packages", " + idna==3.4"])];
        assert_eq!(news(&second, 1.6, &mut shown), [" + idna==3.4"]);
    }
}
