//! `[page]` of a policy file: what reads, what is refused, and that each refusal says where and what to do.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should say so at once")]

use consentry_core::source::{Page, Published, SourceFile};
use expect_test::{Expect, expect};

const POLICY: &str = r#"schema = 1
site = "small"
languages = ["en"]
origins = ["https://small.example"]
validity = "365 days"
recheck = "5 minutes"
controller = { name = "Small", contact = "mailto:privacy@small.example" }
data = [{ id = "views" }]

[[purpose]]
id = "analytics"
kind = "cookies"
function = "statistics"
control = "opt-in"
basis = "consent"
data = ["views"]
retention = "90 days"

[[purpose]]
id = "ads"
kind = "cookies"
function = "advertising"
control = "opt-in"
basis = "consent"
data = ["views"]
retention = "90 days"

[[purpose]]
id = "security"
kind = "security"
control = "notified"
basis = "legitimate-interest"
data = ["views"]
retention = "24 hours"

[[processor]]
id = "matomo"
name = "Matomo"
country = "DE"
safeguard = "eea"
trains = "never"
own_use = "never"
retention = "90 days"
uses = [{ purpose = "analytics", data = ["views"] }]

"#;

const PAGE: &str = r#"[page]
layout = "box"
script_choices = true
google = true
microsoft = "ads"
reload = ["analytics/matomo"]
[page.google_signals]
analytics = ["analytics_storage"]
ads = ["ad_storage", "ad_user_data", "ad_personalization"]
[page.wordpress]
statistics = "analytics"
statistics-anonymous = "analytics"
[page.hosts]
analytics = ["stats.example"]
ads = ["ads.example", "cdn.ads.example"]
[page.cookies]
analytics = ["_ga*", "_gid"]
[page.storage]
analytics = ["_stats*"]
[page.names]
measurement = "analytics"
C0004 = "ads"
necessary = "security"
[page.imports]
from = ["cookieconsent", "klaro", "c15t", "onetrust"]
cookie = { klaro = "our-klaro" }
"#;

const TEXTS: &str = r#"banner.title = "Your data"
banner.text = "We ask."
purpose.analytics = { title = "Analytics", line = "Analytics", text = "We count." }
purpose.ads = { title = "Ads", line = "Ads", text = "We advertise." }
purpose.security = { title = "Security", text = "We keep logs." }
data.views = "your visits"
processor.matomo.use = "counts for us"
"#;

fn publish(page: &str) -> Result<Published, String> {
    let file = |name: &str, text: String| SourceFile { name: name.into(), text };
    Published::parse(&[file("policy.toml", format!("{POLICY}{page}")), file("en.toml", TEXTS.into())])
        .map_err(|errors| errors.iter().map(|e| format!("{e}\n")).collect())
}

/// The page with one thing replaced, and what is said about it.
fn check(from: &str, to: &str, expected: Expect) {
    assert!(PAGE.contains(from), "the page does not say {from}");
    let errors = publish(&PAGE.replacen(from, to, 1)).map(|p| p.page).expect_err("must be refused");
    expected.assert_eq(&errors);
}

#[test]
fn a_page_reads_as_it_is_written() {
    let page = publish(PAGE).expect("reads").page;
    expect![[r#"
        Page {
            layout: Box,
            script_choices: true,
            google: Some(
                [
                    (
                        Target {
                            purpose: PurposeId(
                                "ads",
                            ),
                            processor: None,
                        },
                        [
                            AdStorage,
                            AdUserData,
                            AdPersonalization,
                        ],
                    ),
                    (
                        Target {
                            purpose: PurposeId(
                                "analytics",
                            ),
                            processor: None,
                        },
                        [
                            AnalyticsStorage,
                        ],
                    ),
                ],
            ),
            microsoft: Some(
                Target {
                    purpose: PurposeId(
                        "ads",
                    ),
                    processor: None,
                },
            ),
            wordpress: [
                (
                    Statistics,
                    Target {
                        purpose: PurposeId(
                            "analytics",
                        ),
                        processor: None,
                    },
                ),
                (
                    StatisticsAnonymous,
                    Target {
                        purpose: PurposeId(
                            "analytics",
                        ),
                        processor: None,
                    },
                ),
            ],
            reload: [
                Target {
                    purpose: PurposeId(
                        "analytics",
                    ),
                    processor: Some(
                        ProcessorId(
                            "matomo",
                        ),
                    ),
                },
            ],
            hosts: [
                (
                    Host(
                        "ads.example",
                    ),
                    Target {
                        purpose: PurposeId(
                            "ads",
                        ),
                        processor: None,
                    },
                ),
                (
                    Host(
                        "cdn.ads.example",
                    ),
                    Target {
                        purpose: PurposeId(
                            "ads",
                        ),
                        processor: None,
                    },
                ),
                (
                    Host(
                        "stats.example",
                    ),
                    Target {
                        purpose: PurposeId(
                            "analytics",
                        ),
                        processor: None,
                    },
                ),
            ],
            cookies: [
                (
                    Target {
                        purpose: PurposeId(
                            "analytics",
                        ),
                        processor: None,
                    },
                    [
                        Pattern(
                            "_ga*",
                        ),
                        Pattern(
                            "_gid",
                        ),
                    ],
                ),
            ],
            storage: [
                (
                    Target {
                        purpose: PurposeId(
                            "analytics",
                        ),
                        processor: None,
                    },
                    [
                        Pattern(
                            "_stats*",
                        ),
                    ],
                ),
            ],
            names: [
                (
                    OtherName(
                        "C0004",
                    ),
                    Target {
                        purpose: PurposeId(
                            "ads",
                        ),
                        processor: None,
                    },
                ),
                (
                    OtherName(
                        "measurement",
                    ),
                    Target {
                        purpose: PurposeId(
                            "analytics",
                        ),
                        processor: None,
                    },
                ),
                (
                    OtherName(
                        "necessary",
                    ),
                    Target {
                        purpose: PurposeId(
                            "security",
                        ),
                        processor: None,
                    },
                ),
            ],
            imports: [
                Import {
                    from: Cookieconsent,
                    cookie: None,
                },
                Import {
                    from: Klaro,
                    cookie: Some(
                        "our-klaro",
                    ),
                },
                Import {
                    from: C15t,
                    cookie: None,
                },
                Import {
                    from: Onetrust,
                    cookie: None,
                },
            ],
        }
    "#]]
    .assert_debug_eq(&page);
}

#[test]
fn without_the_table_there_is_a_banner_and_nothing_else() {
    assert_eq!(publish("").expect("reads").page, Page::default());
    assert_eq!(publish("[page]\n").expect("reads").page, Page::default());
    assert_eq!(publish("[page]\ngoogle = false\n").expect("reads").page, Page::default());
}

#[test]
fn r29_how_the_page_is_wired_makes_no_other_policy_and_no_other_notice() {
    let (plain, wired) = (publish("").expect("reads"), publish(PAGE).expect("reads"));
    assert_eq!(plain.policy.hash(), wired.policy.hash());
    assert_eq!(plain.notices[0].hash, wired.notices[0].hash);
}

#[test]
fn every_target_is_one_that_people_can_choose_about() {
    check(
        "microsoft = \"ads\"",
        "microsoft = \"advertising\"",
        expect![[r#"
        policy.toml:50:13: the policy has no `advertising`; correct the name: there are `analytics`, `analytics/matomo`, `ads`, `security`
    "#]],
    );
    check(
        "reload = [\"analytics/matomo\"]",
        "reload = [\"ads/matomo\", \"security\"]",
        expect![[r#"
        policy.toml:51:11: the policy has no `ads/matomo`; correct the name: there are `analytics`, `analytics/matomo`, `ads`, `security`
        policy.toml:51:25: `security` is not a matter of choice; name what has a switch: `analytics`, `analytics/matomo`, `ads`
    "#]],
    );
    check(
        "reload = [\"analytics/matomo\"]",
        "reload = [\"Analytics\"]",
        expect![[r#"
        policy.toml:51:11: `Analytics` is not understood; expected `purpose` or `purpose/processor`
    "#]],
    );
    check(
        "[page.cookies]\nanalytics",
        "[page.cookies]\nsecurity",
        expect![[r#"
        policy.toml:62:1: `security` is not a matter of choice; name what has a switch: `analytics`, `analytics/matomo`, `ads`
    "#]],
    );
    check(
        "statistics = \"analytics\"",
        "statistics = \"security\"",
        expect![[r#"
        policy.toml:56:14: `security` is not a matter of choice; name what has a switch: `analytics`, `analytics/matomo`, `ads`
    "#]],
    );
}

#[test]
fn google_is_said_what_it_knows() {
    check(
        "\"analytics_storage\"",
        "\"analytics\"",
        expect![[r#"
        policy.toml:53:14: `analytics` is not understood; expected one of `ad_storage`, `ad_user_data`, `ad_personalization`, `analytics_storage`, `functionality_storage`, `personalization_storage`, `security_storage`
    "#]],
    );
    check(
        "google = true\n",
        "",
        expect![[r#"
        policy.toml:51:1: `google_signals` without `google`; write `google = true` in `[page]`
    "#]],
    );
    check(
        "google = true",
        "google = false",
        expect![[r#"
        policy.toml:52:1: `google_signals` without `google`; write `google = true` in `[page]`
    "#]],
    );
    check(
        "[\"analytics_storage\"]",
        "[]",
        expect![[r#"
        policy.toml:53:1: `analytics` has nothing; name something, or remove it
    "#]],
    );
    check(
        "[page.google_signals]\nanalytics = [\"analytics_storage\"]\nads = [\"ad_storage\", \"ad_user_data\", \"ad_personalization\"]\n",
        "",
        expect![[r#"
            policy.toml:49:10: `google` without `google_signals`; add `[page.google_signals]`, e.g. `analytics = ["analytics_storage"]`
        "#]],
    );
    check(
        "[page.google_signals]\nanalytics = [\"analytics_storage\"]\nads = [\"ad_storage\", \"ad_user_data\", \"ad_personalization\"]\n",
        "[page.google_signals]\n",
        expect![[r#"
            policy.toml:52:1: `google_signals` has nothing; name a target and its signals, e.g. `analytics = ["analytics_storage"]`
        "#]],
    );
}

#[test]
fn what_is_not_known_is_refused_with_what_would_be() {
    check(
        "\"box\"",
        "\"popup\"",
        expect![[r#"
        policy.toml:47:10: `popup` is not understood; expected one of `bar`, `box`, `corner`, `inline`
    "#]],
    );
    check(
        "script_choices",
        "script_choice",
        expect![[r#"
        policy.toml:48:1: unknown field `script_choice`, expected one of `layout`, `script_choices`, `google`, `microsoft`, `reload`, `google_signals`, `wordpress`, `hosts`, `cookies`, `storage`, `names`, `imports`; remove it, or correct its spelling
    "#]],
    );
    check(
        "statistics = \"analytics\"",
        "tracking = \"analytics\"",
        expect![[r#"
        policy.toml:56:1: `tracking` is not understood; expected one of `functional`, `preferences`, `statistics`, `statistics-anonymous`, `marketing`
    "#]],
    );
    check(
        "\"cookieconsent\"",
        "\"usercentrics\"",
        expect![[r#"
        policy.toml:70:9: `usercentrics` is not understood; expected one of `cookieconsent`, `klaro`, `c15t`, `onetrust`, `cookiebot`
    "#]],
    );
}

#[test]
fn a_host_is_a_host_named_once_and_not_the_site() {
    check(
        "\"stats.example\"",
        "\"https://stats.example/x.js\"",
        expect![[r#"
        policy.toml:59:14: `https://stats.example/x.js` is not understood; expected a host alone, such as `stats.example`: no scheme, port, path or `*`; its subdomains are meant, too
    "#]],
    );
    check(
        "\"stats.example\"",
        "\"*.stats.example\"",
        expect![[r#"
        policy.toml:59:14: `*.stats.example` is not understood; expected a host alone, such as `stats.example`: no scheme, port, path or `*`; its subdomains are meant, too
    "#]],
    );
    check(
        "\"stats.example\"",
        "\"cdn.ads.example\"",
        expect![[r#"
        policy.toml:59:14: `cdn.ads.example` is named twice; remove one of them
    "#]],
    );
    check(
        "\"stats.example\"",
        "\"small.example\"",
        expect![[r#"
        policy.toml:59:14: `small.example` is the site itself: see `https://small.example`; name the host of what waits, such as `stats.example`
    "#]],
    );
    check(
        "\"stats.example\"",
        "\"example\"",
        expect![[r#"
        policy.toml:59:14: `example` is not understood; expected a host alone, such as `stats.example`: no scheme, port, path or `*`; its subdomains are meant, too
    "#]],
    );
}

#[test]
fn a_pattern_names_something_and_not_the_choices() {
    check(
        "\"_gid\"",
        "\"\"",
        expect![[r#"
        policy.toml:62:22: `` is not understood; expected a name of 1 to 128 visible characters without `;`, `=` and `,`, such as `_ga*`
    "#]],
    );
    check(
        "\"_gid\"",
        "\"*\"",
        expect![[r#"
        policy.toml:62:22: `*` is not understood; expected more than `*`, which stands for everything that the page keeps
    "#]],
    );
    check(
        "\"_gid\"",
        "\"_ga=*\"",
        expect![[r#"
        policy.toml:62:22: `_ga=*` is not understood; expected a name of 1 to 128 visible characters without `;`, `=` and `,`, such as `_ga*`
    "#]],
    );
    check(
        "\"_gid\"",
        "\"_ga*\"",
        expect![[r#"
        policy.toml:62:22: `_ga*` is named twice; remove one of them
    "#]],
    );
    check(
        "[\"_ga*\", \"_gid\"]",
        "[]",
        expect![[r#"
        policy.toml:62:1: `analytics` has nothing; name something, or remove it
    "#]],
    );
    check(
        "\"_stats*\"",
        "\"cons*\"",
        expect![[r#"
        policy.toml:64:14: `cons*` names `consentry:small`, where choices are kept; name only what the target keeps
    "#]],
    );
}

#[test]
fn a_name_stands_for_one_target() {
    check(
        "measurement = \"analytics\"",
        "ads = \"analytics\"",
        expect![[r#"
        policy.toml:66:1: `ads` is the policy's own name for something else; remove it: `ads` stands for itself, and cannot also stand for `analytics`
        policy.toml:70:35: no name fits what `c15t` stores; say in `[page.names]` what it calls a target: `experience`, `functionality`, `marketing` or `measurement`
    "#]],
    );
    check(
        "measurement = \"analytics\"",
        "measurement = \"counting\"",
        expect![[r#"
        policy.toml:66:15: the policy has no `counting`; correct the name: there are `analytics`, `analytics/matomo`, `ads`, `security`
    "#]],
    );
    check(
        "measurement",
        "\"\"",
        expect![[r#"
        policy.toml:66:1: `` is not understood; expected a name of 1 to 64 bytes, such as `measurement` or `C0002`
    "#]],
    );
    // A name may say again what the policy says.
    assert!(publish(&PAGE.replacen("measurement = ", "analytics = ", 1).replacen("\"c15t\", ", "", 1)).is_ok());
}

#[test]
fn an_import_finds_something_to_take_over() {
    check(
        "measurement = \"analytics\"\n",
        "",
        expect![[r#"
        policy.toml:69:35: no name fits what `c15t` stores; say in `[page.names]` what it calls a target: `experience`, `functionality`, `marketing` or `measurement`
    "#]],
    );
    check(
        "C0004 = \"ads\"",
        "c0004 = \"ads\"",
        expect![[r#"
        policy.toml:70:43: no name fits what `onetrust` stores; say in `[page.names]` what it calls a target: the id of a group, e.g. `C0002 = "…"`
    "#]],
    );
    check(
        "\"onetrust\"]",
        "\"cookiebot\"]",
        expect![[r#"
        policy.toml:70:43: no name fits what `cookiebot` stores; say in `[page.names]` what it calls a target: `preferences`, `statistics` or `marketing`
    "#]],
    );
    check(
        "\"klaro\", ",
        "",
        expect![[r#"
        policy.toml:71:12: nothing is taken over from `klaro`; add `klaro` to `from`, or remove this
    "#]],
    );
    check(
        "\"klaro\", ",
        "\"klaro\", \"klaro\", ",
        expect![[r#"
        policy.toml:70:35: `klaro` is named twice; remove one of them
    "#]],
    );
    check(
        "from = [\"cookieconsent\", \"klaro\", \"c15t\", \"onetrust\"]\ncookie = { klaro = \"our-klaro\" }",
        "from = []",
        expect![[r#"
        policy.toml:70:8: imports from nowhere; name a system, e.g. `from = ["cookieconsent"]`, or remove `[page.imports]`
    "#]],
    );
    check(
        "from = [\"cookieconsent\", \"klaro\", \"c15t\", \"onetrust\"]\n",
        "",
        expect![[r#"
        policy.toml:69:1: missing field `from`; name a system, e.g. `from = ["cookieconsent"]`
    "#]],
    );
    check(
        "\"our-klaro\"",
        "\"our klaro\"",
        expect![[r#"
        policy.toml:71:20: `our klaro` is not understood; expected a name of 1 to 128 visible characters without `;`, `=` and `,`, such as `_ga*`
    "#]],
    );
    check(
        "\"our-klaro\"",
        "\"our*\"",
        expect![[r#"
        policy.toml:71:20: a cookie has one name; write it without `*`
    "#]],
    );
}

#[test]
fn there_is_a_limit_to_each_table() {
    let many = |quoted: &dyn Fn(usize) -> String| (0..257).map(quoted).collect::<String>();
    let hosts = format!("[page.hosts]\nanalytics = [{}]\n", many(&|n| format!("\"h{n}.example\",")));
    let names = format!("[page.names]\n{}", many(&|n| format!("n{n:03} = \"ads\"\n")));
    let errors = |page: &str| publish(page).map(|p| p.page).expect_err("must be refused");
    expect![[r#"
        policy.toml:47:1: more than 256 in one table; keep to fewer
    "#]]
    .assert_eq(&errors(&hosts));
    expect![[r#"
        policy.toml:303:1: more than 256 in one table; keep to fewer
    "#]]
    .assert_eq(&errors(&names));
    let long = |bytes: usize| format!("[page.cookies]\nanalytics = [\"{}\"]\n", "a".repeat(bytes));
    assert!(publish(&long(128)).is_ok());
    assert!(errors(&long(129)).contains("policy.toml:47:14") && errors(&long(129)).contains("1 to 128 visible"));
}

#[test]
fn an_earlier_policy_may_be_wired_otherwise() {
    let earlier = POLICY.replace("\"90 days\"", "\"80 days\"").replace("recheck", "published = 2026-01-01\nrecheck");
    let newest = POLICY.replace("recheck", "published = 2026-06-01\nrecheck");
    let file = |name: &str, text: String| SourceFile { name: name.into(), text };
    let published = Published::parse(&[
        file("policy.toml", format!("{newest}{PAGE}")),
        file("policy.2026-01-01.toml", format!("{earlier}[page]\nlayout = \"corner\"\n")),
        file("en.toml", TEXTS.into()),
    ]);
    assert_eq!(published.expect("reads").page, publish(PAGE).expect("reads").page);
}
