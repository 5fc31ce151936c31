//! What `/{site}.js` says of earlier policies.

use crate::house::*;
use consentry_core::source::{Published, SourceFile};
use serde_json::{Value, json};

const PATH: &str = "/adforge.js";

/// AdForge, whose policy holds from that day and was another before: prompts were kept for less, and nobody was asked about marketing.
fn adforge_since(day: &str) -> Published {
    let read = |name: &str| std::fs::read_to_string(policies().join("adforge").join(name)).unwrap();
    let newest = read("policy.toml");
    let dated = |text: &str, day: &str| text.replacen("[controller]", &format!("effective = {day}\n[controller]"), 1);
    let marketing = newest.find("[[purpose]]\nid = \"marketing\"").unwrap();
    let analytics = newest.find("[[purpose]]\nid = \"analytics\"").unwrap();
    let mut old = format!("{}{}", &newest[..marketing], &newest[analytics..]);
    old = old.replace("retention = \"until deleted\"\nmodel", "retention = \"30 days\"\nmodel");
    let mut files: Vec<SourceFile> = ["en", "de", "fr"]
        .map(|l| format!("{l}.toml"))
        .into_iter()
        .map(|name| SourceFile { text: read(&name), name })
        .collect();
    files.push(SourceFile {
        name: "policy.toml".into(),
        text: dated(&newest, day).replacen("effective", "published = 2025-01-01\neffective", 1),
    });
    files.push(SourceFile { name: "policy.2025-01-01.toml".into(), text: dated(&old, "2025-01-01") });
    Published::parse(&files).unwrap()
}

fn house_since(day: &str) -> (House, String) {
    let published = adforge_since(day);
    let old = published.history.versions().next().unwrap().policy.hash().to_string();
    (House::with(|config| config.sites = vec![published]), old)
}

async fn earlier(house: &House, language: &str, old: &str) -> Value {
    let boot = house.boot(&format!("{PATH}?lang={language}"), &[]).await;
    assert_eq!(boot["earlier"].as_object().unwrap().len(), 1, "{boot}");
    boot["earlier"][old].clone()
}

// The tests' clock stands at 22 November 2025.

#[tokio::test]
async fn r29_a_page_learns_what_ends_and_what_is_asked_again() {
    let (house, old) = house_since("2025-11-01");
    let expected = json!({
        "ends": ["ai-training", "marketing"], "asks": ["ai-training", "marketing"], "fresh": ["marketing"],
        "lines": ["AI training on your prompts and pictures", "Marketing: news and offers by e-mail"],
    });
    assert_eq!(earlier(&house, "en", &old).await, expected);
}

#[tokio::test]
async fn r30_until_it_holds_what_was_granted_still_counts_and_people_learn_the_day() {
    let (house, old) = house_since("2025-12-01");
    for (language, day) in [("en", "Holds from December 1, 2025."), ("de", "Gilt ab 1. Dezember 2025.")] {
        let earlier = earlier(&house, language, &old).await;
        assert_eq!((&earlier["ends"], &earlier["from"]), (&json!(["marketing"]), &json!(day)));
        assert_eq!(earlier["asks"], json!(["ai-training", "marketing"]));
    }
}

#[tokio::test]
async fn a_script_is_composed_anew_when_its_day_comes() {
    let (house, old) = house_since("2025-12-01");
    let before = house.send(get(PATH)).await;
    house.move_clock(8 * DAY_MS);
    assert_eq!(house.send(get(PATH)).await.body, before.body);
    house.move_clock(DAY_MS);
    let on_the_day = earlier(&house, "en", &old).await;
    assert_eq!(on_the_day["ends"], json!(["ai-training", "marketing"]));
    assert!(on_the_day.get("from").is_none());
    assert_ne!(house.send(get(PATH)).await.header("etag"), before.header("etag"));
}
