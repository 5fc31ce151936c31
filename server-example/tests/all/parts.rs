//! The parts of `/{site}.js`: there where the policy asks for them, called with what it says, and before the loader.

use crate::house::*;
use consentry_core::source::Published;
use serde_json::{Value, json};

const PATH: &str = "/adforge.js";

/// AdForge's policy with this in place of its `[page]`.
fn adforge_wired(page: &str) -> Published {
    let text = std::fs::read_to_string(policies().join("adforge/policy.toml")).unwrap();
    let (_, own) = text.split_once("[page]\n").unwrap();
    adforge_with(&format!("[page]\n{own}"), page)
}

fn house_wired(page: &str) -> House {
    House::with(|config| {
        config.sites = vec![adforge_wired(page)];
        config.jurisdiction_header = Some("x-country".parse().unwrap());
    })
}

/// What each part of the script is called with, in the script's order.
fn parts_of(script: &str) -> Vec<(&'static str, Value)> {
    let found = PARTS.iter().filter_map(|(name, part)| Some((script.find(part)?, *name, config_of(script, part)?)));
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|(at, ..)| *at);
    let loader = script.find(LOADER).unwrap();
    assert!(found.iter().all(|(at, ..)| *at < loader), "{script}");
    found.into_iter().map(|(_, name, config)| (name, config)).collect()
}

async fn parts(house: &House, country: &str) -> Vec<(&'static str, Value)> {
    let request = axum::http::Request::get(PATH).header("x-country", country);
    parts_of(&house.send(request.body(axum::body::Body::empty()).unwrap()).await.text())
}

#[tokio::test]
async fn a_part_comes_only_where_the_policy_asks_for_it() {
    for (page, expected) in [
        ("", vec![]),
        ("[page]\nlayout = \"corner\"\nscript_choices = true\n[page.names]\nx = \"analytics\"\n", vec![]),
        ("[page]\nmicrosoft = \"marketing\"\n", vec!["signals.js"]),
        ("[page.wordpress]\nmarketing = \"marketing\"\n", vec!["signals.js"]),
        ("[page.hosts]\nanalytics = [\"stats.example\"]\n", vec!["guard.js"]),
        ("[page]\nreload = [\"analytics\"]\n", vec!["clean.js"]),
        ("[page.storage]\nanalytics = [\"_s*\"]\n", vec!["clean.js"]),
        ("[page.imports]\nfrom = [\"klaro\"]\n", vec!["imports.js"]),
    ] {
        let names: Vec<&str> = parts(&house_wired(page), "DE").await.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, expected, "{page}");
    }
}

#[tokio::test]
async fn each_part_is_called_with_what_the_policy_says() {
    let house = house_wired(
        r#"[page]
google = true
microsoft = "marketing"
reload = ["downstream-ai/kling"]
[page.google_signals]
analytics = ["analytics_storage"]
marketing = ["ad_user_data", "analytics_storage"]
[page.wordpress]
statistics = "analytics"
[page.hosts]
analytics = ["stats.example", "count.example"]
marketing = ["ads.example"]
[page.cookies]
analytics = ["_ga*", "_gid"]
[page.storage]
analytics = ["_s*"]
marketing = ["_m"]
[page.names]
measurement = "analytics"
necessary = "security"
[page.imports]
from = ["klaro", "cookieconsent"]
cookie = { klaro = "ours" }
"#,
    );
    let signals = json!({
        "google": { "ad_user_data": ["marketing"], "analytics_storage": ["analytics", "marketing"] },
        "microsoft": "marketing", "wordpress": { "statistics": "analytics" }, "optin": true,
    });
    let choosable: Vec<String> = house.published.policy.choosable().map(|target| target.to_string()).collect();
    let expected = [
        ("signals.js", signals.clone()),
        (
            "guard.js",
            json!({ "hosts": { "ads.example": "marketing", "count.example": "analytics", "stats.example": "analytics" } }),
        ),
        (
            "imports.js",
            json!({
                "site": "adforge", "from": ["klaro", "cookieconsent"], "cookie": { "klaro": "ours" },
                "names": { "measurement": "analytics", "necessary": "security" },
                "targets": choosable, "validity_ms": 365 * DAY_MS,
            }),
        ),
        (
            "clean.js",
            json!({
                "clean": [["analytics", ["_ga*", "_gid"], ["_s*"]], ["marketing", [], ["_m"]]],
                "reload": ["downstream-ai/kling"],
            }),
        ),
    ];
    assert_eq!(parts(&house, "DE").await, expected);
    let in_california = parts(&house, "US-CA").await.remove(0).1;
    assert_eq!(in_california["optin"], false);
}

#[tokio::test]
async fn what_the_loader_must_know_of_the_page_is_in_the_boot_document() {
    let page = "[page]\nlayout = \"corner\"\nscript_choices = true\n";
    let boot = house_wired(page).boot(PATH, &[]).await;
    assert_eq!((&boot["layout"], &boot["script"]), (&json!("corner"), &json!(true)));
    for page in ["", "[page]\nlayout = \"bar\"\nscript_choices = false\n"] {
        let boot = house_wired(page).boot(PATH, &[]).await;
        for field in ["layout", "script", "local", "names", "earlier"] {
            assert!(boot.get(field).is_none(), "{field}");
        }
    }
}

#[tokio::test]
async fn an_import_is_taken_from_a_page_only_where_the_policy_says_so() {
    let import = |house: &House| house.choice(json!({ "surface": "import", "stances": { "analytics": "grant" } }));
    let house = House::new();
    let problem = house.post(&Browser::new(), &import(&house)).await.problem(400, "malformed");
    assert!(problem["detail"].as_str().unwrap().contains("[page.imports]"), "{problem}");
    assert_eq!(house.counts(), (0, 0));
    let house = house_wired("[page.imports]\nfrom = [\"klaro\"]\n");
    assert_eq!(house.post(&Browser::new(), &import(&house)).await.status, axum::http::StatusCode::CREATED);
}
