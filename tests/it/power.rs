//! The power goes out: what was answered before is on the disk, whatever became of what was written and not yet synced. And a
//! message whose final dot a relay has seen is one of which that is known, so that it does not leave again.
//!
//! A library loaded into the server (`power/disk.c`) writes down what it does to its files. From that the test puts
//! together what a disk may hold at any moment: all that was synced, and of the rest whichever sectors it happened to write.
//! `COUNTERSIGN_CUTS` makes more cuts. On PostgreSQL the server looks after its own files; the product refuses one that
//! does not wait for the disk (`src/db`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::catcher::{Behaviour, Catcher, Verb};
use countersign::db::Db;
use countersign::db::schema::outbox;
use countersign::domain::contacts::suppressions;
use countersign::domain::ids::MessageId;
use countersign::domain::messages::{self, DecisionKind};
use countersign::on_either;
use diesel::prelude::*;
use mail_parser::MessageParser;
use serde_json::json;

use crate::kills::{Dice, Template, address_of, ask, wait};
use crate::support::OPERATOR;

/// What a disk writes at once, in octets.
const SECTOR: usize = 512;

/// Something done to the files.
#[derive(Debug, Clone)]
enum Done {
    Written(String, usize, Vec<u8>),
    CutTo(String, usize),
    Synced(String),
    Made(String),
    Removed(String),
    Renamed(String, String),
}

/// What was done, each with where its record ends.
fn read(journal: &[u8]) -> Vec<(usize, Done)> {
    let (mut all, mut at) = (vec![], 0);
    let number = |at: usize, size: usize| usize::try_from(journal[at..at + size].iter().rev().fold(0_u64, |n, b| n << 8 | u64::from(*b))).unwrap();
    // The last record may be cut off with the process.
    while at + 21 <= journal.len() {
        let (what, name, place, size) = (journal[at], number(at + 1, 4), number(at + 5, 8), number(at + 13, 8));
        let (from, end) = (at + 21 + name, at + 21 + name + size);
        if end > journal.len() {
            break;
        }
        let name = String::from_utf8(journal[at + 21..from].to_vec()).unwrap();
        let bytes = journal[from..end].to_vec();
        let done = match what {
            b'W' => Done::Written(name, place, bytes),
            b'T' => Done::CutTo(name, place),
            b'S' => Done::Synced(name),
            b'C' => Done::Made(name),
            b'U' => Done::Removed(name),
            b'R' => Done::Renamed(name, String::from_utf8(bytes).unwrap()),
            other => panic!("an unknown record {other}"),
        };
        at = end;
        all.push((at, done));
    }
    all
}

#[derive(Debug, Clone)]
enum Piece {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

#[derive(Debug, Clone, Default)]
struct File {
    synced: Vec<u8>,
    since: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Entry {
    Made(String, usize),
    Removed(String),
    Renamed(String, String),
}

/// A folder: what is on the disk, and what was done since.
#[derive(Debug, Default)]
struct Disk {
    files: Vec<File>,
    /// The names as the process knows them, and as they are on the disk.
    names: BTreeMap<String, usize>,
    synced: BTreeMap<String, usize>,
    since: Vec<Entry>,
    /// A disk that only says that it wrote.
    lies: bool,
}

fn put(bytes: &mut Vec<u8>, piece: &Piece) {
    match piece {
        Piece::Length(length) => bytes.resize(*length, 0),
        Piece::Bytes(at, new) => {
            bytes.resize(bytes.len().max(at + new.len()), 0);
            bytes[*at..at + new.len()].copy_from_slice(new);
        }
    }
}

fn enter(names: &mut BTreeMap<String, usize>, entry: &Entry) {
    match entry {
        Entry::Made(name, file) => drop(names.insert(name.clone(), *file)),
        Entry::Removed(name) => drop(names.remove(name)),
        Entry::Renamed(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}

impl Disk {
    fn of(folder: &Path, lies: bool) -> Disk {
        let mut disk = Disk { lies, ..Disk::default() };
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            disk.names.insert(entry.file_name().into_string().unwrap(), disk.files.len());
            disk.files.push(File { synced: std::fs::read(entry.path()).unwrap(), since: vec![] });
        }
        disk.synced = disk.names.clone();
        disk
    }

    fn take(&mut self, done: &Done) {
        let entry = match done {
            Done::Written(name, ..) | Done::CutTo(name, _) => {
                let piece = match done {
                    Done::Written(_, at, bytes) => Piece::Bytes(*at, bytes.clone()),
                    Done::CutTo(_, length) => Piece::Length(*length),
                    _ => unreachable!(),
                };
                if let Some(file) = self.names.get(name) {
                    self.files[*file].since.push(piece);
                }
                return;
            }
            Done::Synced(_) if self.lies => return,
            Done::Synced(name) if name.is_empty() => {
                self.since.drain(..).for_each(|entry| enter(&mut self.synced, &entry));
                return;
            }
            Done::Synced(name) => {
                if let Some(file) = self.names.get(name) {
                    let File { synced, since } = &mut self.files[*file];
                    since.drain(..).for_each(|piece| put(synced, &piece));
                }
                return;
            }
            Done::Made(name) => {
                self.files.push(File::default());
                Entry::Made(name.clone(), self.files.len() - 1)
            }
            Done::Removed(name) => Entry::Removed(name.clone()),
            Done::Renamed(from, to) => Entry::Renamed(from.clone(), to.clone()),
        };
        enter(&mut self.names, &entry);
        self.since.push(entry);
    }

    /// What is left when the power goes out now.
    fn after_a_cut(&self, folder: &Path, dice: &mut Dice) {
        let mut names = self.synced.clone();
        let known = dice.below(self.since.len() as u64 + 1);
        self.since.iter().take(usize::try_from(known).unwrap()).for_each(|entry| enter(&mut names, entry));
        // Nothing of the rest, all of it, or some sectors.
        let luck = dice.below(3);
        for (name, file) in names.into_iter().filter(|(name, _)| !name.ends_with("-shm")) {
            let mut bytes = self.files[file].synced.clone();
            for piece in &self.files[file].since {
                match piece {
                    _ if luck == 0 => {}
                    Piece::Bytes(at, new) if luck == 2 => {
                        for (number, sector) in new.chunks(SECTOR).enumerate().filter(|_| dice.below(2) == 0).collect::<Vec<_>>() {
                            put(&mut bytes, &Piece::Bytes(at + number * SECTOR, sector.to_vec()));
                        }
                    }
                    Piece::Length(_) if luck == 2 && dice.below(2) == 0 => {}
                    piece => put(&mut bytes, piece),
                }
            }
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

/// The library, compiled with the machine's C compiler.
fn library(folder: &Path) -> PathBuf {
    let (source, made) = (folder.join("disk.c"), folder.join("disk.so"));
    std::fs::write(&source, include_str!("power/disk.c")).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let ended = Command::new(compiler).args(["-O1", "-shared", "-fPIC", "-o"]).args([&made, &source]).arg("-ldl").status();
    assert!(ended.expect("this test needs a C compiler (cc)").success());
    made
}

/// How much was written down when a final dot arrived, and whose dot it was.
type Dots = Arc<Mutex<Vec<(usize, MessageId)>>>;

/// A relay that notes it.
async fn noting(journal: PathBuf) -> (Catcher, Dots) {
    let dots = Dots::default();
    let noted = Arc::clone(&dots);
    let note = move |moment: countersign::catcher::Moment| {
        let id = MessageParser::default().parse(&moment.raw[..]).unwrap().message_id().unwrap().split('.').next().unwrap().to_owned();
        noted.lock().unwrap().push((length(&journal), MessageId::from(id.as_str())));
        std::future::ready(())
    };
    (Catcher::start_with("127.0.0.1:0", Behaviour::new().before(Verb::Dot, note)).await.unwrap(), dots)
}

fn length(journal: &Path) -> usize {
    usize::try_from(std::fs::metadata(journal).unwrap().len()).unwrap()
}

fn start(folder: &Path, url: &str, relay: &Catcher, library: &Path, journal: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(folder)
        .env("COUNTERSIGN_DATABASE__URL", url)
        .env("COUNTERSIGN_DATA__DIRECTORY", folder)
        .env("COUNTERSIGN_SMTP__URL", format!("smtp://{}", relay.addr()))
        .env("LD_PRELOAD", library)
        .env("POWER_LOG", journal)
        .env("POWER_FOLDER", folder)
        .env("RUST_LOG", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What was answered, with how much was written down by then.
#[derive(Default)]
struct Answered {
    approvals: Vec<(usize, MessageId)>,
    suppressions: Vec<(usize, String)>,
    dots: Vec<(usize, MessageId)>,
}

/// What a cut took.
#[derive(Debug, Default)]
struct Lost {
    approvals: usize,
    suppressions: usize,
    dots: usize,
    databases: usize,
}

fn look(folder: &Path, answered: &Answered, until: usize, lost: &mut Lost) {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        integrity_check: String,
    }
    let said = |db: &Db| db.read(|conn| on_either!(conn, inner => diesel::sql_query("PRAGMA integrity_check").load::<Row>(inner)));
    let db = Db::open(&format!("sqlite://{}", folder.join("round.db").display()), 1);
    let Some(db) = db.ok().filter(|db| said(db).is_ok_and(|rows| rows[0].integrity_check == "ok")) else {
        lost.databases += 1;
        return;
    };
    for (_, id) in answered.approvals.iter().filter(|(at, _)| *at <= until) {
        let approved = db.read(|conn| messages::get(conn, &OPERATOR, id)).is_ok_and(|m| m.decisions.iter().any(|d| d.kind == DecisionKind::Approve));
        lost.approvals += usize::from(!approved);
    }
    for (_, id) in answered.dots.iter().filter(|(at, _)| *at <= until) {
        let state = db.read(|conn| outbox::table.find(id).select(outbox::state).first::<String>(conn).optional()).unwrap();
        lost.dots += usize::from(!matches!(state.as_deref(), Some("dot" | "sent")));
    }
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let journal = names.filter(|path| path.extension().is_some_and(|ending| ending == "suppressions")).map(|path| std::fs::read(path).unwrap());
    let lines = journal.map(|bytes| bytes.split(|b| *b == b'\n').count()).max().unwrap_or_default();
    let known: BTreeSet<&String> = answered.suppressions.iter().filter(|(at, _)| *at <= until).map(|(_, key)| key).collect();
    for key in &known {
        lost.suppressions += usize::from(db.read(|conn| suppressions::of(conn, key)).ok().flatten().is_none());
    }
    lost.suppressions += usize::from(lines < known.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_no_approval_no_suppression_and_no_dot() {
    let template = Template::new(2, 10).await;
    if !template.is_a_file() {
        println!("power: PostgreSQL looks after its own files; what it must be set to is looked at when the product starts");
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    let round = tempfile::tempdir().unwrap();
    let folder = round.path().canonicalize().unwrap();
    let url = template.copy(&folder);
    let before = Disk::of(&folder, false);
    let lying = Disk::of(&folder, true);
    let journal = outside.path().join("journal");
    let (relay, dots) = noting(journal.clone()).await;
    let mut child = start(&folder, &url, &relay, &library(outside.path()), &journal);
    let addr = address_of(&mut child);
    let written = || length(&journal);
    let mut answered = Answered::default();
    for (number, (id, hash)) in template.hashes().iter().enumerate() {
        let body = json!({"message_id": id, "decision": "approve", "content_hash": hash}).to_string();
        assert_eq!(ask(&addr, template.oversight(), "POST", "/v1/oversight/decide", &body), Some(200));
        answered.approvals.push((written(), id.clone()));
        let key = format!("gone{number}@example.com");
        let status = ask(&addr, template.agent(), "POST", "/v1/suppression", &json!({"email": key}).to_string());
        assert!(matches!(status, Some(200 | 201)), "{status:?}");
        answered.suppressions.push((written(), key));
    }
    let (expected, begun) = (template.hashes().len() + 2, Instant::now());
    while dots.lock().unwrap().len() < expected && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    wait(&mut child);
    answered.dots = std::mem::take(&mut *dots.lock().unwrap());
    assert_eq!(answered.dots.len(), expected, "those that were approved before and now");
    let done = read(&std::fs::read(&journal).unwrap());
    let cuts: u64 = std::env::var("COUNTERSIGN_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let cut = |mut disk: Disk| {
        let mut dice = Dice::new(cuts);
        let mut places: Vec<usize> = (0..cuts).map(|_| usize::try_from(dice.below(done.len() as u64 + 1)).unwrap()).collect();
        places.sort_unstable();
        let (mut lost, mut taken) = (Lost::default(), 0);
        for place in places {
            done[taken..place].iter().for_each(|(_, done)| disk.take(done));
            taken = place;
            let left = tempfile::tempdir().unwrap();
            disk.after_a_cut(left.path(), &mut dice);
            let until = place.checked_sub(1).map_or(0, |last| done[last].0);
            look(left.path(), &answered, until, &mut lost);
        }
        lost
    };
    let lost = cut(before);
    println!(
        "power: {cuts} cuts among {} writes and syncs, {} approvals lost, {} suppressions lost, {} dots lost, {} databases damaged",
        done.len(),
        lost.approvals,
        lost.suppressions,
        lost.dots,
        lost.databases
    );
    assert_eq!((lost.approvals, lost.suppressions, lost.dots, lost.databases), (0, 0, 0, 0));
    // The same disk without its word: the test would see it.
    let lost = cut(lying);
    assert!(lost.approvals > 0 && lost.suppressions > 0 && lost.dots > 0, "a disk that does not do what it says loses nothing: {lost:?}");
}
