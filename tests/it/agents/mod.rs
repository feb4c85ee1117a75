//! An agent that behaves badly: random calls held against a model of the rules, the same calls
//! against the real server, ids out of reach, and orders that came in by mail.
//!
//! `COUNTERSIGN_AGENT_SEED` chooses other calls, `COUNTERSIGN_AGENT_CALLS` more of them.

mod calls;
mod injected;
mod model;
mod reach;
mod server;
mod talk;

use std::fmt::Write;

/// Chance that can be repeated (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to n - 1.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    pub fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    pub fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// The seed of this run, said so that it can be repeated.
fn seed() -> u64 {
    let seed = number("COUNTERSIGN_AGENT_SEED", 20_261_121);
    println!("COUNTERSIGN_AGENT_SEED={seed}");
    seed
}

fn how_many(otherwise: u64) -> u64 {
    number("COUNTERSIGN_AGENT_CALLS", otherwise)
}

/// Words that hold no claim and are others for every number.
fn words(mut number: usize) -> String {
    const ALL: [&str; 8] = ["sun", "moon", "tree", "river", "stone", "cloud", "grass", "bird"];
    let mut text = "hello there".to_owned();
    loop {
        write!(text, " {}", ALL[number % 8]).unwrap();
        number /= 8;
        if number == 0 {
            return text;
        }
    }
}
