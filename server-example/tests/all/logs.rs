//! The log: one line for each trouble of the server's own, and of nobody else anything.

use crate::binary::{Server, agent, post, record, serve};
use crate::house::*;
use serde_json::{Value, json};

const CLIENT: &str = "203.0.113.77";
const USER_AGENT: &str = "recognisable-browser/7.7";
const ACCOUNT: &str = "account:5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c";

#[test]
fn whoever_speaks_to_it_and_whatever_they_do_nobody_is_named_in_its_log() {
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = serve(folder.path());
        command.args([
            "--log",
            format,
            "--client-address-header",
            "X-Forwarded-For",
            "--metrics-listen",
            "127.0.0.1:0",
        ]);
        let server = Server::of(command);
        let (agent, browser) = (agent(), Browser::new());
        let choice = choice(&adforge(), json!({ "outcome": "all-granted" }));
        assert_eq!(post(&agent, &server.url, &browser, &choice), Some(201));
        assert_eq!(post(&agent, &server.url, &browser.impostor(), &choice), Some(403));
        record(&agent, &server.url, &browser);
        let key = consentry_server::ApiKey::generate().unwrap().reveal();
        for (path, body) in [
            ("decisions", json!({ "subject": ACCOUNT, "purpose": "marketing" }).to_string()),
            ("choices", "{".to_owned() + &browser.device),
            ("nothing", browser.secret.clone()),
        ] {
            let request = agent.post(format!("{}/v1/sites/adforge/{path}?who={ACCOUNT}", server.url));
            let request = request.header("Authorization", format!("Bearer {key}")).header("X-Forwarded-For", CLIENT);
            let request =
                request.header("User-Agent", USER_AGENT).header("Origin", ORIGIN).header("Cookie", &browser.device);
            let answer = request.header("Content-Type", "application/json").send(body).unwrap();
            assert!(answer.status().is_client_error(), "{path}");
        }
        // Something to log: the database does not take what comes.
        let database = rusqlite::Connection::open(database_path(folder.path())).unwrap();
        let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'refused'); END";
        database.execute(refuse, []).unwrap();
        let other = crate::house::choice(&adforge(), json!({ "outcome": "all-refused" }));
        assert_eq!(post(&agent, &server.url, &browser, &other), Some(503));

        let port = format!(":{}", server.url.rsplit(':').next().unwrap());
        let (_, log) = server.stop();
        assert!(log.contains("an entry was not kept: refused"), "{log}");
        let [choice, other] = [&choice, &other].map(|choice| choice["id"].as_str().unwrap().to_owned());
        let forbidden = [
            &browser.device,
            &browser.secret,
            &choice,
            &other,
            &key,
            ACCOUNT,
            CLIENT,
            USER_AGENT,
            ORIGIN,
            "127.0.0.1",
            &port,
            "Bearer",
            "ureq",
            "who=",
        ];
        for forbidden in forbidden {
            assert!(!log.contains(forbidden), "`{forbidden}` is in {log}");
        }
        // A key made, started, one failure, stopped.
        assert_eq!(log.lines().count(), 4, "{log}");
        if format == "json" {
            for line in log.lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                assert!(
                    line["message"].is_string() && line["level"].is_string() && line["timestamp"].is_string(),
                    "{line}"
                );
            }
        }
    }
}
