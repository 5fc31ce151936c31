//! `/{site}.js` where the operator says where a visitor is: one script for all places where the same holds.

use crate::house::*;
use axum::body::Body;
use axum::http::Request;
use consentry_core::{Purpose, Target};
use serde_json::{Value, json};

const PATH: &str = "/pixcosmos.js";
const COUNTRY: &str = "x-country";

fn pixcosmos() -> House {
    let folder = policies().join("pixcosmos");
    House::with(|config| {
        config.sites = vec![consentry_server::SiteFolder::find(&folder).unwrap().remove(0).publish().unwrap()];
        config.jurisdiction_header = Some(COUNTRY.parse().unwrap());
    })
}

async fn tag(house: &House, country: &str) -> String {
    let request = Request::get(PATH).header(COUNTRY, country).body(Body::empty()).unwrap();
    house.send(request).await.header("etag").to_owned()
}

/// The purposes that Global Privacy Control speaks of, and the processors that they employ.
fn answers_gpc() -> Value {
    let folder = policies().join("pixcosmos");
    let policy = consentry_server::SiteFolder::find(&folder).unwrap().remove(0).publish().unwrap().policy;
    let answers = |target: &Target| policy.purpose(&target.purpose).is_some_and(Purpose::answers_gpc);
    policy.targets().filter(answers).map(|target| json!(target)).collect()
}

#[tokio::test]
async fn r23_a_script_says_what_global_privacy_control_ends_where_it_is_honoured() {
    let house = pixcosmos();
    let expected = answers_gpc();
    assert_ne!(expected, json!([]));
    for (country, honoured) in [
        ("US-CA", true),
        ("US-CO", true),
        ("US", true),
        ("ZZ", true),
        ("nonsense", true),
        ("US-VA", false),
        ("DE", false),
        ("GB", false),
    ] {
        let boot = house.boot(PATH, &[(COUNTRY, country)]).await;
        if honoured {
            assert_eq!(boot["gpc"], expected, "{country}");
            assert!(boot["texts"]["signal"].is_string(), "{country}");
        } else {
            assert!(boot.get("gpc").is_none() && boot["texts"].get("signal").is_none(), "{country}");
        }
    }
}

#[tokio::test]
async fn places_where_the_same_holds_share_a_script() {
    let house = pixcosmos();
    for (one, other, is_same) in [
        ("DE", "FR", true),
        ("US-CA", "US-CO", true),
        ("US-CA", "US-VA", false),
        ("DE", "ZZ", false),
        ("US-NY", "ZZ", true),
        ("US-NY", "US", true),
        ("GB", "DE", false),
    ] {
        assert_eq!(tag(&house, one).await == tag(&house, other).await, is_same, "{one} {other}");
    }
}

#[tokio::test]
async fn a_policy_that_honours_signals_somewhere_has_a_script_for_there() {
    let law = "[[law]]\nplace = \"DE\"\nsignals = true\n\n[page]\n";
    let house = House::with(|config| {
        config.sites = vec![adforge_with("[page]\n", law)];
        config.jurisdiction_header = Some(COUNTRY.parse().unwrap());
    });
    for (country, honoured) in [("DE", true), ("DE-BY", true), ("FR", false)] {
        let boot = house.boot("/adforge.js", &[(COUNTRY, country)]).await;
        assert_eq!(boot.get("gpc").is_some(), honoured, "{country}");
    }
}
