//! What more than one benchmark asks about: a policy of ten purposes and eight processors, and ten million people.

pub mod population;

use std::fmt::Write;

use anyhow::{Result, anyhow};
use consentry_core::PolicyHistory;
use consentry_core::source::{Published, SourceFile};

const PURPOSES: [(&str, &str); 10] = [
    ("ai-training", "kind = \"training\"\nmodel = \"own\""),
    ("downstream-ai", "kind = \"downstream-ai\""),
    ("marketing", "kind = \"marketing\"\nchannels = [\"email\"]"),
    ("analytics", "kind = \"cookies\"\nfunction = \"statistics\""),
    ("advertising", "kind = \"advertising\""),
    ("social-connections", "kind = \"sharing\""),
    ("personalisation", "kind = \"personalisation\""),
    ("feedback", "kind = \"programme\""),
    ("beta", "kind = \"programme\""),
    ("recommendations", "kind = \"personalisation\""),
];
const PROCESSORS: [&str; 8] = ["openai", "flux", "runway", "hailuo", "kling", "mailer", "metrics", "adnet"];

/// Ten purposes that all have to be agreed to, and eight processors that serve each of them.
///
/// # Errors
/// The faults of the policy, which has none.
pub fn policy() -> Result<PolicyHistory> {
    let mut policy = String::from(
        "schema = 1\nsite = \"bench\"\nlanguages = [\"en\"]\norigins = [\"https://bench.example\"]\nvalidity = \"365 days\"\n\
         recheck = \"5 minutes\"\n\n[controller]\nname = \"Bench\"\ncontact = \"mailto:privacy@bench.example\"\n\n\
         [[data]]\nid = \"content\"\n\n",
    );
    let mut texts = String::from("banner = { title = \"Title\", text = \"Text\" }\ndata.content = \"your content\"\n");
    for (id, kind) in PURPOSES {
        write!(
            policy,
            "[[purpose]]\nid = \"{id}\"\n{kind}\ncontrol = \"opt-in\"\nbasis = \"consent\"\ndata = [\"content\"]\n\
             retention = \"90 days\"\n\n"
        )?;
        writeln!(texts, "purpose.{id} = {{ title = \"Title\", line = \"Line\", text = \"Text\" }}")?;
    }
    for id in PROCESSORS {
        // They train if asked to, as `ai-training` is among their purposes; one wants something sent along.
        let flags = if id == "openai" { "flags = { store = \"false\" }\n" } else { "" };
        let uses =
            PURPOSES.map(|(purpose, _)| format!("{{ purpose = \"{purpose}\", data = [\"content\"] }}")).join(", ");
        write!(
            policy,
            "[[processor]]\nid = \"{id}\"\nname = \"{id}\"\ncountry = \"US\"\nsafeguard = \"standard-contractual-clauses\"\n\
             trains = \"with-consent\"\nown_use = \"never\"\nretention = \"after use\"\n{flags}uses = [{uses}]\n\n\
             [[feature]]\nid = \"{id}-generation\"\nneeds = [\"downstream-ai/{id}\"]\n\n"
        )?;
        writeln!(texts, "processor.{id}.use = \"use\"\nfeature.{id}-generation = \"Feature\"")?;
    }
    let file = |name: &str, text| SourceFile { name: name.into(), text };
    let published = Published::parse(&[file("policy.toml", policy), file("en.toml", texts)]).map_err(|errors| {
        anyhow!("the policy has faults: {}", errors.iter().map(|e| format!("\n{e}")).collect::<String>())
    })?;
    Ok(published.policy.into())
}
