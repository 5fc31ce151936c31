//! Databases of one's own, for tests that both kinds must pass: an SQLite file, or a database in a PostgreSQL that the tests start
//! themselves.

use consentry_server::{DatabaseUrl, Store};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// The user that PostgreSQL runs as where the tests are run by root, whom it refuses. Debian's package makes it.
const POSTGRES_USER: &str = "postgres";
/// Starts a server, and stops it once whoever holds the other end of standard input is gone, however they went.
const RUN: &str = r#"
    trap '' INT TERM
    programs=$1 folder=$2 then=$3
    shift 3
    "$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=200 "$@" >&2 &
    server=$!
    read -r _
    kill -INT "$server"
    wait "$server"
    [ "$then" = keep ] || rm -rf "$folder"
"#;

/// What kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A database that is empty at first.
pub(crate) struct Database {
    pub(crate) url: DatabaseUrl,
    /// The URL as a command line has it.
    pub(crate) text: String,
    folder: Option<TempDir>,
}

impl Database {
    pub(crate) fn new(kind: Kind) -> Self {
        let (text, folder) = match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                (crate::house::database_url(folder.path()), Some(folder))
            }
            Kind::Postgres => (shared().new_database(), None),
        };
        Self { url: text.parse().unwrap(), text, folder }
    }

    /// Another server's handle to it.
    pub(crate) fn open(&self) -> Store {
        Store::open(&self.url).unwrap()
    }

    /// Does to it what somebody with every right can do.
    pub(crate) fn execute(&self, statements: &str) {
        match self.files() {
            Some(folder) => {
                let database = rusqlite::Connection::open(crate::house::database_path(folder)).unwrap();
                database.execute_batch(statements).unwrap();
            }
            None => {
                let mut psql = Command::new(programs().join("psql"));
                run(psql.args(["--quiet", "--set=ON_ERROR_STOP=1", "--dbname", &self.text, "--command", statements]));
            }
        }
    }

    /// The files of SQLite's.
    pub(crate) fn files(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}

/// A PostgreSQL server.
pub(crate) struct Cluster {
    folder: PathBuf,
    count: AtomicU32,
    running: Option<(Child, ChildStdin)>,
}

/// The one that tests share. It ends with the tests.
fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| {
        let mut cluster = Cluster::new();
        cluster.start("remove");
        cluster
    })
}

impl Cluster {
    /// One of its own, not running yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("consentry-pg-").tempdir().unwrap().keep();
        if is_root() {
            run(Command::new("chown").arg(POSTGRES_USER).arg(&folder));
        }
        let mut initdb = as_allowed(&programs().join("initdb"));
        initdb.args(["--username=consentry", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"]);
        run(initdb.arg(folder.join("data")).stdout(Stdio::null()));
        Self { folder, count: AtomicU32::new(0), running: None }
    }

    /// Starts it, and returns once it takes connections.
    pub(crate) fn start(&mut self, then: &str) {
        self.start_with(then, &[]);
    }

    /// With settings of PostgreSQL's, such as `ssl=on`.
    pub(crate) fn start_with(&mut self, then: &str, settings: &[&str]) {
        let mut command = as_allowed(Path::new("sh"));
        command.args(["-c", RUN, "sh"]).args([&programs(), &self.folder]).arg(then);
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdin, mut said) = (child.stdin.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        let mut line = String::new();
        while !line.contains("ready to accept connections") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "PostgreSQL did not start");
        }
        // It may say more, and must not wait for somebody to listen.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        self.running = Some((child, stdin));
    }

    /// Puts a file beside its data, which its user alone may read, as PostgreSQL wants it of keys.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.join("data").join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        if is_root() {
            run(Command::new("chown").arg(POSTGRES_USER).arg(&path));
        }
        path
    }

    /// What a statement answers in that database.
    pub(crate) fn answer(&self, database: &str, statement: &str) -> String {
        let mut psql = Command::new(programs().join("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command", statement]);
        let output = psql.args(["--dbname", database]).current_dir("/").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Stops it; what is under way is cut off.
    pub(crate) fn stop(&mut self) {
        if let Some((mut child, stdin)) = self.running.take() {
            drop(stdin);
            child.wait().unwrap();
        }
    }

    /// The URL of a new database.
    pub(crate) fn new_database(&self) -> String {
        let name = format!("test_{}", self.count.fetch_add(1, Ordering::SeqCst));
        run(as_allowed(&programs().join("createdb"))
            .args(["--username=consentry", "--host"])
            .arg(&self.folder)
            .arg(&name));
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://consentry@{folder}/{name}")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn as_allowed(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", POSTGRES_USER, "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    // Where it stands the other user may not be allowed to look.
    let status = command.current_dir("/").status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// Where PostgreSQL's programs are: `CONSENTRY_POSTGRES`, or where Debian puts them.
pub(crate) fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("CONSENTRY_POSTGRES") {
        return folder.into();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path().join("bin")).max();
    newest.expect(
        "PostgreSQL's programs are not there: `apt-get install postgresql`, or say in CONSENTRY_POSTGRES where initdb is",
    )
}
