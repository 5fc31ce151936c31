//! docs/client.md, run as it stands there: its commands start a server and make a key, and its code trains.
//!
//! A program of its own and not one of many tests: it is `consentry` as well, whose command line reads the arguments of the process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should say so at once"
)]

#[expect(dead_code, reason = "its `main` is not run here")]
#[path = "../examples/pipeline.rs"]
mod pipeline;

use consentry_client::Time;
use consentry_core::{Answering, Draft, EventId, EventKind, Stance, Surface};
use consentry_server::{Appended, NewEntry, SiteFolder, Store};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

/// Says to this program that it is `consentry`.
const AS_CONSENTRY: &str = "PAGE_TEST_AS_CONSENTRY";

fn main() -> ExitCode {
    if std::env::var_os(AS_CONSENTRY).is_some() {
        return consentry_server::cli::run();
    }
    // `cargo test` asks every program for its list, and may leave this one out.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, is_test) = ("the_page_is_run_as_it_stands", !arguments.iter().any(|argument| argument == "--list"));
    let is_wanted = arguments.iter().filter(|argument| !argument.starts_with('-')).all(|word| name.contains(&**word));
    let tests = if is_test && is_wanted { 1 } else { 0 };
    println!("\nrunning {tests} test{}", if tests == 1 { "" } else { "s" });
    if tests == 1 {
        // A panic ends the program with its message, and with a status that says so.
        run();
        println!("test {name} ... ok");
    }
    println!("\ntest result: ok. {tests} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
    ExitCode::SUCCESS
}

/// Ends with the test, whichever way that ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands in the page's fences of that language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("\n```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// A command of the page, as `consentry` in this program, with the database in a folder of its own.
fn consentry(folder: &Path, line: &str) -> Command {
    let line = line.replace("sqlite:consentry.db", &format!("sqlite:{}", folder.join("consentry.db").display()));
    // The port may be somebody's; which one it is, the server says.
    let line = line.replace("127.0.0.1:8080", "127.0.0.1:0");
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("consentry"), "{line}");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(words).env(AS_CONSENTRY, "1").current_dir(root());
    // Stand-ins for the browser's files, which the page has from a build.
    command.env("CONSENTRY_ASSETS", assets(folder));
    command
}

fn assets(folder: &Path) -> PathBuf {
    let assets = folder.join("assets");
    std::fs::create_dir_all(&assets).unwrap();
    for name in ["widget.js", "more.js", "debug.js"] {
        std::fs::write(assets.join(name), "consentry._x=0;").unwrap();
    }
    for name in ["loader.js", "signals.js", "guard.js", "clean.js", "imports.js"] {
        std::fs::write(assets.join(name), "(function(x){})").unwrap();
    }
    std::fs::write(assets.join("widget.wasm"), b"\0asm\x01\0\0\0").unwrap();
    assets
}

fn run() {
    let page = std::fs::read_to_string(root().join("docs/client.md")).unwrap();
    let example = std::fs::read_to_string(root().join("client/examples/pipeline.rs")).unwrap();
    assert_eq!(blocks(&page, "rust"), [example.trim_end()], "the page and the example say different things");
    let commands = blocks(&page, "sh");
    let [serve, key_new, cargo_run] = commands.as_slice() else { panic!("{commands:?}") };
    let texts = blocks(&page, "text");
    let [people, nobody, one] = texts.as_slice() else { panic!("{texts:?}") };

    let folder = tempfile::tempdir().unwrap();
    let mut serve = consentry(folder.path(), serve);
    let mut server = Server(serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut said = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let url = said.trim_end().strip_prefix("listening on ").unwrap_or_else(|| panic!("it printed `{said}`"));
    let made = consentry(folder.path(), key_new).output().unwrap();
    let key = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success() && key.starts_with("ck_"), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(cargo_run.ends_with("--example pipeline -- http://127.0.0.1:8080 < people.txt"), "{cargo_run}");

    let trained = || {
        let mut out = Vec::new();
        pipeline::run(url, key.trim_end(), people.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(trained(), format!("{nobody}\n"));
    choose(folder.path(), people.lines().next().unwrap(), Stance::Grant);
    assert_eq!(trained(), format!("{one}\n"));
    choose(folder.path(), people.lines().next().unwrap(), Stance::Refuse);
    assert_eq!(trained(), format!("{nobody}\n"));
    // Whatever is not a yes is an error, and no training.
    let stranger = format!("ck_{}", "A".repeat(43));
    assert!(pipeline::run(url, &stranger, people.as_bytes(), &mut Vec::new()).is_err());
}

/// What a press of a button does: it is kept, and the server hears of it at the next question.
fn choose(folder: &Path, subject: &str, stance: Stance) {
    let published = SiteFolder::find(&root().join("policies/adforge")).unwrap().remove(0).publish().unwrap();
    let notice = &published.notices[0];
    let answering = Answering {
        policy: published.policy.hash(),
        notice: notice.hash,
        language: notice.language.clone(),
        surface: Surface::Banner,
        confirmed: false,
    };
    // The server answers as of now, by the machine's clock.
    let at = consentry_client::Clock::System.now();
    let random = match stance {
        Stance::Grant => [1; 10],
        Stance::Refuse => [2; 10],
    };
    let id = EventId::from_parts(at.as_ms(), &random);
    let draft = Draft::all(answering, &published.policy, stance);
    let kind = EventKind::Chosen(draft.commit(&published.history, id).unwrap());
    let site = published.policy.parts().site.clone();
    let entry = NewEntry { site, subject: subject.parse().unwrap(), secret: None, kind, at: Time::from_ms(at.as_ms()) };
    let url = format!("sqlite:{}", folder.join("consentry.db").display());
    let store = Store::open(&url.parse().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(matches!(runtime.block_on(store.append(entry)), Ok(Appended::New(_))));
}
