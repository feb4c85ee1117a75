//! Reads the log file of the relay while a message is uncertain, and settles what it shows.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use crate::app::State;
use crate::clock;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::outbox::uncertain;

/// Time between two looks, in seconds.
const LOOK_SECONDS: u64 = 5;
/// The end of the file that is read, in bytes: hours of a busy relay.
const END: u64 = 16 * 1024 * 1024;

pub(super) async fn run(state: State, log: PathBuf, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match look(&state, &log).await {
            Ok(0) => {}
            Ok(settled) => tracing::info!(settled, "the log of the relay settled what was uncertain"),
            Err(error) => tracing::warn!(%error, "the log of the relay cannot be read; people settle what is uncertain"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)) => {}
            _ = stop.wait_for(|stopped| *stopped) => {}
        }
    }
}

async fn look(state: &State, log: &Path) -> Result<usize> {
    if state.read(|conn| uncertain::count(conn, &Actor::System("worker"))).await? == 0 {
        return Ok(0);
    }
    let log = log.to_owned();
    let lines = actix_web::web::block(move || end_of(&log)).await.map_err(Error::internal)?.map_err(Error::internal)?;
    state.write(move |conn| uncertain::settle_by_log_file(conn, &lines, clock::now())).await
}

fn end_of(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut bytes = vec![];
    file.take(END).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
