//! Folders of mail servers, read over IMAP: one task for each.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::sync::watch;

use crate::app::State;
use crate::clock;
use crate::domain::error::Error;
use crate::domain::inbound::{Arrived, folders};
use crate::domain::mailboxes::Mailbox;
use crate::imap::{Account, Failure, Folder};

/// Days of mail that are taken in where a folder is read for the first time, or its ids changed. What came before is
/// of no consequence any more.
const FIRST_DAYS: i64 = 30;
/// Time between two looks at a server that does not tell by itself.
const POLL: Duration = Duration::from_secs(60);
/// Time between two looks at whether it may be read.
const UNCONFIRMED: Duration = Duration::from_secs(2);
/// First and longest wait after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// Why a reading ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Server(#[from] Failure),
    #[error("{0}")]
    Here(#[from] Error),
}

/// Reads the folder of each mailbox (by its address) until `stop` turns true. No mail is marked, moved or deleted.
pub async fn run(state: State, accounts: Vec<(String, Account)>, stop: watch::Receiver<bool>) {
    let tasks: Vec<_> =
        accounts.into_iter().map(|(address, account)| actix_web::rt::spawn(keep_reading(state.clone(), address, account, stop.clone()))).collect();
    for task in tasks {
        if let Err(error) = task.await {
            tracing::error!(%error, "a reader of a folder ended badly");
        }
    }
}

async fn keep_reading(state: State, address: String, account: Account, mut stop: watch::Receiver<bool>) {
    loop {
        let mut waits = ExponentialBuilder::default().with_min_delay(BACKOFF.0).with_max_delay(BACKOFF.1).without_max_times().build();
        // Each pass through the inner loop is one failure; what was read in between begins anew with the shortest wait.
        loop {
            let mut read = false;
            let ended = tokio::select! {
                ended = read_on(&state, &address, &account, &mut read) => ended,
                _ = stop.wait_for(|stopped| *stopped) => return,
            };
            if let Err(error) = ended {
                tracing::warn!(mailbox = %address, %error, "mail cannot be read; it is tried again");
                note(&state, &address, &error.to_string()).await;
            }
            let wait = waits.next().unwrap_or(BACKOFF.1);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
            if read {
                break;
            }
        }
    }
}

async fn note(state: &State, address: &str, problem: &str) {
    let (address, problem) = (address.to_owned(), problem.to_owned());
    let noted = state
        .quiet_write(move |conn| {
            let mailbox = folders::mailbox(conn, &address)?;
            folders::note_problem(conn, &mailbox.id, &problem, clock::now())
        })
        .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "that mail cannot be read was not noted");
    }
}

/// Reads what is there and what comes, until something fails. `read` turns true with the first look that went well.
async fn read_on(state: &State, address: &str, account: &Account, read: &mut bool) -> Result<(), Ended> {
    let mut mailbox = when_confirmed(state, address).await?;
    let mut folder = account.open().await?;
    loop {
        look(state, &mailbox, &mut folder).await?;
        *read = true;
        folder = folder.wait(POLL).await?;
        mailbox = when_confirmed(state, address).await?;
    }
}

/// The mailbox, as soon as its folder may be read.
async fn when_confirmed(state: &State, address: &str) -> Result<Mailbox, Ended> {
    loop {
        let of = address.to_owned();
        if let Some(mailbox) = state.read(move |conn| folders::to_read(conn, &of)).await? {
            return Ok(mailbox);
        }
        tokio::time::sleep(UNCONFIRMED).await;
    }
}

/// Takes in what came since the last look, each mail in the transaction that notes it as read.
async fn look(state: &State, mailbox: &Mailbox, folder: &mut Folder) -> Result<usize, Ended> {
    let (id, validity) = (mailbox.id.clone(), i64::from(folder.validity));
    let place = state.read(move |conn| folders::place(conn, &id)).await?.filter(|place| place.uid_validity == validity);
    let since = place.is_none().then(|| clock::now().plus_days(-FIRST_DAYS).date());
    let last = place.map_or(0, |place| u32::try_from(place.last_uid).unwrap_or(0));
    let mut new = 0;
    for uid in folder.after(last, since).await? {
        let Some(raw) = folder.mail(uid).await? else { continue };
        let mailbox = mailbox.clone();
        let arrived = state.hear(&mailbox, Arrived::new(raw, None, clock::now())).await?;
        let taken = state.write(move |conn| folders::take_in(conn, &mailbox, &arrived, validity, i64::from(uid), clock::now())).await?;
        new += usize::from(!taken.known);
    }
    // Of a folder that is read for the first time, what is older stays unread.
    let (id, upto) = (mailbox.id.clone(), i64::from(if since.is_some() { folder.next.saturating_sub(1) } else { 0 }));
    state.quiet_write(move |conn| folders::reached(conn, &id, validity, upto, clock::now())).await?;
    Ok(new)
}
