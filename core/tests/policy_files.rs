//! Policy files: what reads, what is refused, and that each refusal says where and what to do.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should say so at once")]

use consentry_core::source::{FILE_BYTES_MAX, Published, SourceFile};
use consentry_core::{Regime, Target};
use expect_test::{Expect, expect, expect_file};

const POLICY: &str = r#"schema = 1
site = "small"
languages = ["en"]
origins = ["https://small.example"]
validity = "365 days"
recheck = "5 minutes"

[controller]
name = "Small"
contact = "mailto:privacy@small.example"

[[data]]
id = "prompts"

[[data]]
id = "logs"
only_for = ["security"]

[[purpose]]
id = "ai-training"
kind = "training"
model = "own"
control = "opt-in"
basis = "consent"
data = ["prompts"]
retention = "90 days"

[[purpose]]
id = "security"
kind = "security"
control = "notified"
basis = "legitimate-interest"
data = ["logs"]
retention = "24 hours"

[[processor]]
id = "lab"
name = "Lab"
country = "DE"
safeguard = "eea"
trains = "with-consent"
own_use = "never"
retention = "after use"
uses = [{ purpose = "ai-training", data = ["prompts"] }]

[[feature]]
id = "style"
needs = ["ai-training/lab"]
"#;

const TEXTS: &str = r#"banner.title = "Your data"
banner.text = "We ask."
purpose.ai-training = { title = "AI training", line = "AI training", text = "We train." }
purpose.security = { title = "Security", text = "We keep logs." }
data = { prompts = "your prompts", logs = "logs" }
processor.lab.use = "trains our model"
feature.style = "Your style"
"#;

fn file(name: &str, text: impl Into<String>) -> SourceFile {
    SourceFile { name: name.into(), text: text.into() }
}

fn publish(policy: &str, texts: &str) -> Result<Published, String> {
    Published::parse(&[file("policy.toml", policy), file("en.toml", texts)])
        .map_err(|errors| errors.iter().map(|e| format!("{e}\n")).collect())
}

/// The policy with one thing replaced, and what is said about it.
fn check(from: &str, to: &str, expected: Expect) {
    assert!(POLICY.contains(from), "the policy does not say {from}");
    let errors = publish(&POLICY.replacen(from, to, 1), TEXTS).map(|p| p.policy.hash()).expect_err("must be refused");
    expected.assert_eq(&errors);
}

/// The same for the texts.
fn check_texts(from: &str, to: &str, expected: Expect) {
    assert!(TEXTS.contains(from), "the texts do not say {from}");
    let errors = publish(POLICY, &TEXTS.replacen(from, to, 1)).map(|p| p.policy.hash()).expect_err("must be refused");
    expected.assert_eq(&errors);
}

#[test]
fn a_policy_is_named_by_what_it_promises() {
    let small = publish(POLICY, TEXTS).expect("reads");
    // Golden: the canonical form of version 1. It never changes within the version.
    expect!["debc339970f5a85b77efbd2480054b7542f40e65ff884a96a184984fabc67cab"]
        .assert_eq(&small.policy.hash().to_string());
}

#[test]
fn p27_r29_only_what_is_promised_makes_another_policy() {
    let hash = |policy: &str| publish(policy, TEXTS).expect("reads").policy.hash();
    let base = hash(POLICY);
    for (from, to) in [
        ("https://small.example", "https://www.small.example"),
        ("5 minutes", "6 minutes"),
        ("schema = 1", "# a comment\nschema   =   1"),
        ("24 hours", "1 day"),
    ] {
        assert_eq!(hash(&POLICY.replacen(from, to, 1)), base, "{to}");
    }
    for (from, to) in [
        ("name = \"Small\"", "name = \"Bigger\""),
        ("365 days", "364 days"),
        ("90 days", "91 days"),
        ("own_use = \"never\"", "own_use = \"yes\"\nrole = \"controller\""),
        ("model = \"own\"", "model = \"own\"\nform = \"anonymised\""),
        ("retention = \"24 hours\"", "retention = \"24 hours\"\nrevision = 2"),
        ("needs = [\"ai-training/lab\"]", "needs = [\"ai-training\"]"),
    ] {
        assert_ne!(hash(&POLICY.replacen(from, to, 1)), base, "{to}");
    }
}

#[test]
fn r14_r29_new_wording_makes_another_notice_and_no_other_policy() {
    let before = publish(POLICY, TEXTS).expect("reads");
    let after = publish(POLICY, &TEXTS.replacen("We train.", "We train models.", 1)).expect("reads");
    assert_eq!(before.policy.hash(), after.policy.hash());
    for (before, after) in before.notices.iter().zip(&after.notices) {
        assert_ne!(before.hash, after.hash);
    }
}

#[test]
fn a_notice_says_what_the_policy_promises() {
    let small = publish(POLICY, TEXTS).expect("reads");
    let notice = small.notice(&"en".parse().expect("a language"), Regime::OptIn).expect("a notice");
    for (key, text) in [
        (
            "purpose.ai-training.details",
            "Your prompts · our own models · for at most 90 days · Small and the processors below",
        ),
        ("purpose.security.details", "Logs · for at most 1 day · Small alone"),
        ("purpose.security.basis", "Our legitimate interest."),
        ("processor.lab.trains", "if you agree"),
        ("processor.lab.where", "Germany, within the European Economic Area"),
        ("gets.ai-training/lab", "your prompts"),
        ("ui.accept", "Accept all"),
    ] {
        assert_eq!(notice.texts.get(key), text, "{key}");
    }
}

#[test]
fn a_sites_text_takes_the_place_of_the_shared_one() {
    let small = publish(POLICY, &format!("{TEXTS}ui.choose = \"Let me choose\"\n")).expect("reads");
    assert_eq!(small.notices[0].texts.get("ui.choose"), "Let me choose");
}

#[test]
fn targets_are_purposes_each_followed_by_its_processors() {
    let small = publish(POLICY, TEXTS).expect("reads");
    let names = |targets: Vec<Target>| targets.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(small.policy.targets().collect()), ["ai-training", "ai-training/lab", "security"]);
    assert_eq!(names(small.policy.choosable().collect()), ["ai-training", "ai-training/lab"]);
}

#[test]
fn r10_what_a_person_must_be_told_cannot_be_left_out() {
    check(
        "contact = \"mailto:privacy@small.example\"\n",
        "",
        expect![[r#"
        policy.toml:8:1: missing field `contact`; give an address for questions about data, e.g. `contact = "mailto:privacy@…"`
    "#]],
    );
    check(
        "retention = \"90 days\"\n",
        "",
        expect![[r#"
        policy.toml:19:1: missing field `retention`; say how long the data is kept: `after use`, `until deleted`, or a period such as `24 hours`
    "#]],
    );
    check(
        "basis = \"consent\"\n",
        "",
        expect![[r#"
        policy.toml:19:1: missing field `basis`; name the legal basis, e.g. `basis = "consent"`
    "#]],
    );
    check(
        "data = [\"prompts\"]\nretention = \"90",
        "retention = \"90",
        expect![[r#"
        policy.toml:19:1: missing field `data`; name the data that is used, e.g. `data = ["prompts"]`
    "#]],
    );
    check(
        "country = \"DE\"\n",
        "",
        expect![[r#"
            policy.toml:36:1: missing field `country`; say where the processor works, e.g. `country = "DE"`, or `ZZ` if it is not known
        "#]],
    );
    check(
        "safeguard = \"eea\"\n",
        "",
        expect![[r#"
            policy.toml:36:1: missing field `safeguard`; say what protects the transfer: `eea`, `adequacy` or `standard-contractual-clauses`
        "#]],
    );
    check(
        "trains = \"with-consent\"\n",
        "",
        expect![[r#"
            policy.toml:36:1: missing field `trains`; say whether the processor trains on the data: `never` or `with-consent`
        "#]],
    );
    check(
        "uses = [{ purpose = \"ai-training\", data = [\"prompts\"] }]\n",
        "",
        expect![[r#"
            policy.toml:36:1: missing field `uses`; say what the processor gets, e.g. `uses = [{ purpose = "…", data = ["…"] }]`
        "#]],
    );
}

#[test]
fn what_is_not_understood_is_refused_with_what_would_be() {
    check(
        "schema = 1",
        "schema = 2",
        expect![[r#"
        policy.toml:1:10: unknown schema; this version reads `schema = 1`
    "#]],
    );
    check(
        "kind = \"training\"",
        "kind = \"learning\"",
        expect![[r#"
            policy.toml:21:8: `learning` is not understood; expected one of `training`, `downstream-ai`, `marketing`, `cookies`, `advertising`, `sharing`, `sale`, `transfer`, `programme`, `personalisation`, `service`, `security`, `moderation`, `legal`
        "#]],
    );
    check(
        "\"90 days\"",
        "\"ninety days\"",
        expect![[r#"
            policy.toml:26:13: `ninety days` is not understood; expected `after use`, `until deleted`, a period such as `24 hours`, or `inactive` and a period
        "#]],
    );
    check(
        "\"365 days\"",
        "\"0 days\"",
        expect![[r#"
        policy.toml:5:12: `0 days` is not understood; expected at least a minute and at most 36500 days
    "#]],
    );
    check(
        "id = \"lab\"",
        "id = \"The Lab\"",
        expect![[r#"
            policy.toml:37:6: `The Lab` is not understood; expected 1 to 64 characters of `a` to `z`, `0` to `9` and `-`
        "#]],
    );
    check(
        "country = \"DE\"",
        "country = \"Germany\"",
        expect![[r#"
            policy.toml:39:11: `Germany` is not understood; expected a country as two capitals (ISO 3166-1), such as `DE`, or `ZZ` if it is not known
        "#]],
    );
    check(
        "mailto:privacy@small.example",
        "privacy@small.example",
        expect![[r#"
        policy.toml:10:11: `privacy@small.example` is not an address; write a URI: `mailto:…` or `https://…`
    "#]],
    );
    check(
        "https://small.example",
        "https://small.example/",
        expect![[r#"
            policy.toml:4:12: `https://small.example/` is not understood; expected scheme and host without a path, such as `https://www.example` or `http://127.0.0.1:8080`
        "#]],
    );
    check(
        "name = \"Small\"",
        "name = \" \"",
        expect![[r#"
        policy.toml:9:8: a name that says nothing; write what people know it by, in at most 128 bytes
    "#]],
    );
    check(
        "site = \"small\"",
        "site = \"small",
        expect![[r#"
        policy.toml:2:14: invalid basic string, expected `"`; correct it; policy files are TOML 1.1
    "#]],
    );
    check(
        "retention = \"90 days\"",
        "retention = \"90 days\"\nretain = 1",
        expect![[r#"
            policy.toml:27:1: unknown field `retain`, expected one of `id`, `kind`, `control`, `basis`, `opt_out`, `data`, `retention`, `by_plan`, `backups`, `validity`, `revision`, `dpv`, `model`, `form`, `channels`, `function`; remove it, or correct its spelling
        "#]],
    );
    check(
        "[\"en\"]",
        "[]",
        expect![[r#"
        policy.toml:3:13: no languages; name at least one, e.g. `languages = ["en"]`
    "#]],
    );
    check(
        "[\"en\"]",
        "[\"en\", \"en\"]",
        expect![[r#"
        policy.toml:3:20: `en` is named twice; remove one of them
    "#]],
    );
    check(
        "[\"en\"]",
        "[\"en\", \"tlh\"]",
        expect![[r#"
            policy.toml:3:20: no locale for `tlh`; choose among ar, bg, ca, cs, da, de, el, en, es, et, fa, fi, fr, ga, he, hi, hr, hu, id, is, it, ja, ko, lt, lv, ms, mt, nb, nl, pl, pt, pt-BR, ro, ru, sk, sl, sr, sv, th, tr, uk, ur, vi, zh, zh-Hant
        "#]],
    );
    check(
        "[\"en\"]",
        "[\"en\", \"de\"]",
        expect![[r#"
        policy.toml:3:20: no file `de.toml`; write the texts in this language beside the policy
    "#]],
    );
}

#[test]
fn p14_a_limit_on_data_cannot_be_contradicted() {
    check(
        "data = [\"prompts\"]\nretention",
        "data = [\"prompts\", \"logs\"]\nretention",
        expect![[r#"
            policy.toml:25:20: `logs` is limited to other purposes than `ai-training`; remove `logs` here, or take back the limit that its `only_for` promises (see policy.toml:16:6)
        "#]],
    );
}

#[test]
fn p17_a_processor_that_never_trains_cannot_train() {
    check(
        "trains = \"with-consent\"",
        "trains = \"never\"",
        expect![[r#"
            policy.toml:44:21: `lab` never trains, so it cannot be employed for the training purpose `ai-training`; remove this use, or write `trains = "with-consent"` if that is the truth (see policy.toml:41:10)
        "#]],
    );
}

#[test]
fn r4_nothing_optional_starts_on_where_people_must_opt_in() {
    check(
        "control = \"opt-in\"\nbasis = \"consent\"",
        "control = \"opt-out\"\nbasis = \"legitimate-interest\"",
        expect![[r#"
            policy.toml:23:11: `ai-training` would start switched on where people must opt in; write `opt-in` here, and `opt_out = { … }` for where less is asked
        "#]],
    );
    check(
        "control = \"opt-in\"\nbasis = \"consent\"",
        "control = \"notified\"\nbasis = \"contract\"",
        expect![[r#"
            policy.toml:23:11: `ai-training` is of kind `training`, which people must be able to refuse; write `control = "opt-in"`
        "#]],
    );
}

#[test]
fn what_keeps_the_service_secure_is_not_a_matter_of_choice() {
    let notified = "control = \"notified\"\nbasis = \"legitimate-interest\"";
    check(
        notified,
        "control = \"opt-in\"\nbasis = \"consent\"",
        expect![[r#"
            policy.toml:31:11: `security` is of kind `security`, which is not a matter of choice; write `control = "notified"`, or another kind if people may refuse it
        "#]],
    );
}

#[test]
fn what_does_not_fit_together_is_refused_with_both_places() {
    check(
        "basis = \"consent\"",
        "basis = \"contract\"",
        expect![[r#"
            policy.toml:23:11: control `opt-in` does not go with legal basis `contract`; `opt-in` goes with `consent`, `opt-out` with `legitimate-interest`, `notified` with any but `consent`
        "#]],
    );
    check(
        "id = \"security\"\nkind",
        "id = \"ai-training\"\nkind",
        expect![[r#"
            policy.toml:17:13: no purpose `security`; add a `[[purpose]]` with `id = "security"`, or correct the name
            policy.toml:29:6: `ai-training` is defined twice; rename or remove one of them (see policy.toml:20:6)
            policy.toml:33:9: `logs` is limited to other purposes than `ai-training`; remove `logs` here, or take back the limit that its `only_for` promises (see policy.toml:16:6)
        "#]],
    );
    check(
        "purpose = \"ai-training\", data",
        "purpose = \"training\", data",
        expect![[r#"
            policy.toml:41:10: `lab` trains on data, and no purpose of kind `training` employs it; write `trains = "never"`, or name the purpose of kind `training` in its `uses`
            policy.toml:44:21: no purpose `training`; add a `[[purpose]]` with `id = "training"`, or correct the name
            policy.toml:48:10: no processor `lab`; add a `[[processor]]` with `id = "lab"` and a use for this purpose, or correct the name
        "#]],
    );
    check(
        "data = [\"prompts\"] }",
        "data = [\"logs\"] }",
        expect![[r#"
            policy.toml:44:44: purpose `ai-training` does not use `logs`, so a processor cannot get it for that; remove `logs` here, or add it to the purpose's `data` (see policy.toml:20:6)
        "#]],
    );
    check(
        "country = \"DE\"",
        "country = \"US\"",
        expect![[r#"
            policy.toml:40:13: `US` is not in the EEA, so a transfer there needs a safeguard; write `adequacy` or `standard-contractual-clauses`
        "#]],
    );
    check(
        "needs = [\"ai-training/lab\"]",
        "needs = [\"security/lab\"]",
        expect![[r#"
            policy.toml:48:10: no processor `lab`; add a `[[processor]]` with `id = "lab"` and a use for this purpose, or correct the name
        "#]],
    );
    check(
        "data = [\"prompts\"]\nretention",
        "data = []\nretention",
        expect![[r#"
            policy.toml:20:6: `ai-training` names nothing that it is for; name at least one, or remove it
            policy.toml:44:44: purpose `ai-training` does not use `prompts`, so a processor cannot get it for that; remove `prompts` here, or add it to the purpose's `data` (see policy.toml:20:6)
        "#]],
    );
    let opt_out = "retention = \"90 days\"\nopt_out = { control = \"notified\", basis = \"contract\" }";
    check(
        "retention = \"90 days\"",
        opt_out,
        expect![[r#"
            policy.toml:27:23: `ai-training` has a switch in one regime and none in another; let people choose in all regimes or in none (see policy.toml:23:11)
        "#]],
    );
}

#[test]
fn texts_are_complete_and_nothing_is_left_over() {
    check_texts(
        "feature.style = \"Your style\"\n",
        "",
        expect![[r#"
        en.toml:1:1: no text for `feature.style`; add `feature.style = "…"`
    "#]],
    );
    check_texts(
        "feature.style",
        "feature.stile",
        expect![[r#"
        en.toml:7:17: nothing is called `feature.stile`; remove it, or correct the name to what `policy.toml` says
        en.toml:1:1: no text for `feature.style`; add `feature.style = "…"`
    "#]],
    );
    check_texts(
        "\"We ask.\"",
        "\" \"",
        expect![[r#"
        en.toml:2:15: `banner.text` is empty; write what is to be shown
    "#]],
    );
    check_texts(
        "\"We ask.\"",
        "42",
        expect![[r#"
        en.toml:2:15: `banner.text` is not a text; put it in quotes
    "#]],
    );
    check_texts(
        "\"We ask.\"",
        "\"We ask.",
        expect![[r#"
        en.toml:2:23: invalid basic string, expected `"`; correct it; text files are TOML 1.1
    "#]],
    );
}

#[test]
fn files_that_are_missing_forgotten_or_endless_are_refused() {
    let errors = |files: &[SourceFile]| {
        let errors = Published::parse(files).expect_err("must be refused");
        errors.iter().map(|e| format!("{e}\n")).collect::<String>()
    };
    expect![[r#"
        policy.toml:1:1: the file is missing; write the policy there; `policies/starter` shows how
    "#]]
    .assert_eq(&errors(&[]));
    let all = [file("policy.toml", POLICY), file("en.toml", TEXTS), file("fr.toml", TEXTS)];
    expect![[r#"
        fr.toml:1:1: the policy does not list this language; add it to `languages` in `policy.toml`, or remove the file
    "#]]
    .assert_eq(&errors(&all));
    let endless = [file("policy.toml", POLICY), file("en.toml", "#".repeat(FILE_BYTES_MAX + 1))];
    expect![[r#"
        en.toml:1:1: longer than 262144 bytes; shorten it
    "#]]
    .assert_eq(&errors(&endless));
}

#[test]
fn every_error_is_found_at_once() {
    let policy = POLICY.replace("country = \"DE\"", "country = \"Germany\"").replace("\"90 days\"", "\"soon\"");
    expect![[r#"
        policy.toml:26:13: `soon` is not understood; expected `after use`, `until deleted`, a period such as `24 hours`, or `inactive` and a period
        policy.toml:39:11: `Germany` is not understood; expected a country as two capitals (ISO 3166-1), such as `DE`, or `ZZ` if it is not known
    "#]].assert_eq(&publish(&policy, TEXTS).map(|p| p.policy.hash()).expect_err("must be refused"));
}

#[test]
fn the_schema_for_editors_is_what_the_types_say() {
    expect_file!["../../docs/policy.schema.json"].assert_eq(&consentry_core::source::policy_schema());
}

#[test]
fn a_kind_says_what_it_must_and_nothing_else() {
    check(
        "model = \"own\"\n",
        "",
        expect![[r#"
        policy.toml:21:8: `ai-training` is of kind `training`, and does not say its `model`; say whose model is trained: `model = "own"`, `"processor"` or `"public"`
    "#]],
    );
    check(
        "kind = \"security\"",
        "kind = \"security\"\nfunction = \"statistics\"",
        expect![[r#"
        policy.toml:30:8: `security` is of kind `security`, which has no `function`; remove `function`, or correct the kind
    "#]],
    );
    check(
        "model = \"own\"\n",
        "form = \"raw\"\n",
        expect![[r#"
        policy.toml:22:8: a form without a model; name the model that is trained, or remove it
    "#]],
    );
    check(
        "kind = \"training\"\nmodel = \"own\"",
        "kind = \"marketing\"",
        expect![[r#"
        policy.toml:21:8: `ai-training` is of kind `marketing`, and does not say its `channels`; say how messages come, e.g. `channels = ["email"]`
        policy.toml:40:10: `lab` trains on data, and no purpose of kind `training` employs it; write `trains = "never"`, or name the purpose of kind `training` in its `uses`
    "#]],
    );
    check(
        "kind = \"training\"\nmodel = \"own\"",
        "kind = \"cookies\"",
        expect![[r#"
        policy.toml:21:8: `ai-training` is of kind `cookies`, and does not say its `function`; say what the cookies are for, e.g. `function = "statistics"`
        policy.toml:40:10: `lab` trains on data, and no purpose of kind `training` employs it; write `trains = "never"`, or name the purpose of kind `training` in its `uses`
    "#]],
    );
}

#[test]
fn p4_p7_p11_p30_what_can_never_be_is_not() {
    check(
        "[controller]",
        "[never]\npurposes = [\"training\"]\n\n[controller]",
        expect![[r#"
        policy.toml:24:8: `ai-training` is of kind `training`, and the policy promises never to have one; remove the purpose, or take back the promise (see policy.toml:9:13)
    "#]],
    );
    check(
        "[controller]",
        "[never]\nprocessors = [\"train\"]\n\n[controller]",
        expect![[r#"
        policy.toml:44:10: `lab` would do what no processor may: `train`; write `never` here, or take back the promise (see policy.toml:9:15)
    "#]],
    );
    check(
        "[controller]",
        "[never]\nprocessors = [\"process\"]\n\n[controller]",
        expect![[r#"
        policy.toml:9:15: no processor could ever do anything; name `train` or `own-ends`
    "#]],
    );
    let never = POLICY.replacen("[controller]", "[never]\nprocessors = [\"own-ends\"]\n\n[controller]", 1);
    let contradiction = never.replacen("own_use = \"never\"", "own_use = \"yes\"\nrole = \"controller\"", 1);
    let errors = publish(&contradiction, TEXTS).map(|p| p.policy.hash()).expect_err("must be refused");
    expect![[r#"
        policy.toml:45:11: `lab` would do what no processor may: `own-ends`; write `never` here, or take back the promise (see policy.toml:9:15)
    "#]].assert_eq(&errors);
}

#[test]
fn who_has_ends_of_its_own_is_no_mere_processor() {
    check(
        "own_use = \"never\"",
        "own_use = \"yes\"",
        expect![[r#"
        policy.toml:42:11: `lab` uses data for ends of its own, so it is more than a `processor`; write `role = "joint-controller"` or `"controller"` if that is the truth, or `own_use = "never"`
    "#]],
    );
}

#[test]
fn who_trains_is_employed_for_it() {
    check(
        "uses = [{ purpose = \"ai-training\", data = [\"prompts\"] }]",
        "uses = [{ purpose = \"security\", data = [\"logs\"] }]",
        expect![[r#"
            policy.toml:41:10: `lab` trains on data, and no purpose of kind `training` employs it; write `trains = "never"`, or name the purpose of kind `training` in its `uses`
            policy.toml:48:10: no processor `lab`; add a `[[processor]]` with `id = "lab"` and a use for this purpose, or correct the name
        "#]],
    );
}

#[test]
fn p23_a_transfer_that_rests_on_consent_is_asked_for() {
    check(
        "safeguard = \"eea\"",
        "safeguard = \"explicit-consent\"",
        expect![[r#"
        policy.toml:40:13: transfers to `lab` rest on consent, and no purpose asks for it; name the purpose of kind `transfer`: `transfer = "…"`
    "#]],
    );
    check(
        "safeguard = \"eea\"",
        "safeguard = \"eea\"\ntransfer = \"ai-training\"",
        expect![[r#"
        policy.toml:41:12: transfers to `lab` do not rest on consent; remove `transfer`, or write `safeguard = "explicit-consent"` (see policy.toml:40:13)
        policy.toml:41:12: `ai-training` is not of kind `transfer`; name a purpose of kind `transfer` (see policy.toml:21:8)
    "#]],
    );
    check(
        "safeguard = \"eea\"",
        "safeguard = \"explicit-consent\"\ntransfer = \"elsewhere\"",
        expect![[r#"
        policy.toml:41:12: no purpose `elsewhere`; add a `[[purpose]]` with `id = "elsewhere"`, or correct the name
    "#]],
    );
}

#[test]
fn plans_and_modes_are_known_and_change_something() {
    check(
        "retention = \"90 days\"",
        "retention = \"90 days\"\nby_plan = [{ plan = \"pro\", retention = \"1 day\" }]",
        expect![[r#"
            policy.toml:27:21: no plan `pro`; add `pro` to `plans`, or correct the name
        "#]],
    );
    check(
        "recheck = \"5 minutes\"",
        "recheck = \"5 minutes\"\nplans = [\"pro\", \"pro\"]",
        expect![[r#"
        policy.toml:7:17: `pro` is defined twice; rename or remove one of them (see policy.toml:7:10)
    "#]],
    );
    check(
        "[[feature]]",
        "[[mode]]\nid = \"private\"\n\n[[feature]]",
        expect![[r#"
        policy.toml:47:6: mode `private` changes nothing; say what it `denies`, or its `retention`
    "#]],
    );
    check(
        "[[feature]]",
        "[[mode]]\nid = \"private\"\ndenies = [\"elsewhere\"]\n\n[[feature]]",
        expect![[r#"
        policy.toml:48:11: no purpose `elsewhere`; add a `[[purpose]]` with `id = "elsewhere"`, or correct the name
    "#]],
    );
    check(
        "[[feature]]",
        "[[mode]]\nid = \"private\"\nretention = \"1 day\"\n\n[[mode]]\nid = \"private\"\nretention = \"2 days\"\n\n[[feature]]",
        expect![[r#"
            policy.toml:51:6: `private` is defined twice; rename or remove one of them (see policy.toml:47:6)
        "#]],
    );
}

#[test]
fn r34_a_policy_is_stricter_than_the_law_and_never_looser() {
    for (change, what) in [
        (
            "regime = \"opt-out\"",
            expect![[r#"
            policy.toml:47:9: the law of `DE` is stricter than that; remove what is looser: a policy can only be stricter
        "#]],
        ),
        (
            "age = 13",
            expect![[r#"
            policy.toml:47:9: the law of `DE` is stricter than that; remove what is looser: a policy can only be stricter
        "#]],
        ),
        (
            "rest = \"1 day\"",
            expect![[r#"
            policy.toml:47:9: the law of `DE` is stricter than that; remove what is looser: a policy can only be stricter
        "#]],
        ),
    ] {
        check("[[feature]]", &format!("[[law]]\nplace = \"DE\"\n{change}\n\n[[feature]]"), what);
    }
    let strict = POLICY.replacen(
        "[[feature]]",
        "[[law]]\nplace = \"US-CA\"\nregime = \"opt-in\"\nage = 16\nrest = \"400 days\"\nsignals = true\n\n[[feature]]",
        1,
    );
    let policy = publish(&strict, TEXTS).expect("reads").policy;
    let law = policy.law(Some(&"US-CA".parse().expect("a place")));
    assert_eq!((law.regime, law.consent_age, law.rest_days), (Regime::OptIn, 16, 400));
    assert_eq!(policy.law(Some(&"US-VA".parse().expect("a place"))).regime, Regime::OptOut);
}

#[test]
fn what_is_more_than_a_word_is_understood_or_refused() {
    check(
        "recheck = \"5 minutes\"",
        "recheck = \"5 minutes\"\nminimum_age = 99",
        expect![[r#"
        policy.toml:7:15: not an age; write years, from 1 to 21
    "#]],
    );
    check(
        "recheck = \"5 minutes\"",
        "recheck = \"5 minutes\"\neffective = 2026-01-01T10:00:00Z",
        expect![[r#"
        policy.toml:7:13: not a day; write a day such as `2026-11-01`, without quotes
    "#]],
    );
    check(
        "own_use = \"never\"",
        "own_use = \"never\"\nflags = { store = \"\" }",
        expect![[r#"
        policy.toml:43:19: a flag that cannot be sent; write a name and a value of 1 to 64 bytes each
    "#]],
    );
    check(
        "kind = \"security\"",
        "kind = \"security\"\ndpv = \"Security\"",
        expect![[r#"
        policy.toml:31:7: `Security` is not understood; expected a term such as `dpv:ServiceProvision`
    "#]],
    );
    check(
        "retention = \"90 days\"",
        "retention = \"inactive soon\"",
        expect![[r#"
        policy.toml:26:13: `inactive soon` is not understood; expected `after use`, `until deleted`, a period such as `24 hours`, or `inactive` and a period
    "#]],
    );
    check(
        "contact = \"mailto:privacy@small.example\"",
        "contact = \"mailto:privacy@small.example\"\ndpo = \"Bob\"",
        expect![[r#"
            policy.toml:11:7: `Bob` is not an address; write a URI: `mailto:…` or `https://…`
        "#]],
    );
}

/// The policy above as an earlier one, and one that follows it.
fn follow(earlier: &str, head: &str, from: &str, to: &str) -> Result<Published, String> {
    let dated = |head: &str| POLICY.replacen("recheck = \"5 minutes\"", &format!("recheck = \"5 minutes\"\n{head}"), 1);
    let files = [
        file("policy.toml", dated(head).replacen(from, to, 1)),
        file("policy.1.toml", dated(earlier)),
        file("en.toml", TEXTS),
    ];
    Published::parse(&files).map_err(|errors| errors.iter().map(|e| format!("{e}\n")).collect())
}

#[test]
fn r30_policies_follow_each_other_by_the_day_from_which_they_hold() {
    let both = follow("effective = 2026-01-01", "published = 2026-05-01\neffective = 2026-06-01", "90 days", "91 days");
    let history = both.expect("reads").history;
    let days: Vec<String> = history.versions().map(|v| v.effective.to_string()).collect();
    assert_eq!(days, ["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"]);
    assert_eq!(history.newest().hash(), history.versions().last().expect("a policy").policy.hash());

    let refuse = |earlier: &str, head: &str, to: &str, expected: Expect| {
        let refused = follow(earlier, head, "90 days", to).map(|p| p.policy.hash());
        expected.assert_eq(&refused.expect_err("must be refused"));
    };
    refuse(
        "effective = 2026-06-01",
        "effective = 2026-01-01",
        "91 days",
        expect![[r#"
        policy.1.toml:7:13: an earlier policy would hold last; say in `policy.toml` from when it holds, later than this: `effective = 2026-11-01`
    "#]],
    );
    refuse(
        "effective = 2026-06-01",
        "effective = 2026-06-01",
        "91 days",
        expect![[r#"
        policy.toml:7:13: a policy cannot hold before it is published, nor before the one that it replaces; correct `published` and `effective`
    "#]],
    );
    refuse(
        "effective = 2026-06-01",
        "published = 2026-08-01\neffective = 2026-07-01",
        "91 days",
        expect![[r#"
        policy.toml:8:13: a policy cannot hold before it is published, nor before the one that it replaces; correct `published` and `effective`
    "#]],
    );
}

#[test]
fn p13_p25_what_widens_is_announced_as_early_as_promised_and_what_narrows_need_not_be() {
    let promise = "effective = 2026-01-01\n[changes]\nnotice = \"30 days\"\n";
    let dated = |text: &str| text.replacen("\n[controller]", &format!("\n{promise}\n[controller]"), 1);
    let follow = |published: &str, to: &str| {
        let head = format!("\npublished = {published}\neffective = 2026-06-01\n\n[controller]");
        let files = [
            file("policy.toml", POLICY.replacen("\n[controller]", &head, 1).replacen("90 days", to, 1)),
            file("policy.1.toml", dated(POLICY)),
            file("en.toml", TEXTS),
        ];
        let read = Published::parse(&files).map(|_| ());
        read.map_err(|errors| errors.iter().map(|e| format!("{e}\n")).collect::<String>())
    };
    assert_eq!(follow("2026-05-01", "91 days"), Ok(()));
    assert_eq!(follow("2026-05-02", "91 days"), Ok(()), "thirty days to the day");
    assert!(follow("2026-05-03", "91 days").is_err(), "one less");
    assert_eq!(follow("2026-05-31", "89 days"), Ok(()));
    expect![[r#"
        policy.toml:9:13: it widens something, so it must be published 30 days before it holds; correct `published` and `effective`
    "#]].assert_eq(&follow("2026-05-31", "91 days").expect_err("must be refused"));
}

#[test]
fn r29_a_diff_says_what_is_asked_again_and_knows_new_words_from_new_terms() {
    let before = publish(POLICY, TEXTS).expect("reads");
    let diff = |policy: &str, texts: &str| {
        let after = publish(policy, texts).expect("reads");
        after.diff(&before).map(|(target, change)| format!("{target} {change}\n")).collect::<String>()
    };
    expect![[r#"
        ai-training unchanged
        ai-training/lab unchanged
        security unchanged
    "#]]
    .assert_eq(&diff(POLICY, TEXTS));
    expect![[r#"
        ai-training reworded
        ai-training/lab unchanged
        security unchanged
    "#]]
    .assert_eq(&diff(POLICY, &TEXTS.replacen("We train.", "We train models.", 1)));
    expect![[r#"
        ai-training widened
        ai-training/lab unchanged
        security unchanged
    "#]]
    .assert_eq(&diff(&POLICY.replacen("90 days", "91 days", 1), TEXTS));
    expect![[r#"
        ai-training narrowed
        ai-training/lab unchanged
        security unchanged
    "#]]
    .assert_eq(&diff(&POLICY.replacen("90 days", "89 days", 1), TEXTS));
    expect![[r#"
        ai-training unchanged
        ai-training/lab widened
        security unchanged
    "#]]
    .assert_eq(&diff(&POLICY.replacen("retention = \"after use\"", "retention = \"1 day\"", 1), TEXTS));
    expect![[r#"
        ai-training unchanged
        ai-training/labs new
        security unchanged
        ai-training/lab gone
    "#]]
    .assert_eq(&diff(
        &POLICY.replace("\"lab\"", "\"labs\"").replace("/lab", "/labs"),
        &TEXTS.replace(".lab.", ".labs."),
    ));
}

#[test]
fn a_regime_holds_somewhere_even_where_a_policy_is_stricter_than_the_law() {
    let somewhere = |place: &str, regime: Regime| {
        let law = format!("[[law]]\nplace = \"{place}\"\nregime = \"opt-in\"\n\n[[feature]]");
        let policy = publish(&POLICY.replacen("[[feature]]", &law, 1), TEXTS).expect("reads").policy;
        policy.somewhere(regime).map(|place| policy.law(Some(&place)).regime)
    };
    assert_eq!(somewhere("US-VA", Regime::OptOut), Some(Regime::OptOut));
    assert_eq!(somewhere("GB", Regime::Mixed), None, "nobody is left to it");
}
