//! The one registry of keys: the help sheet, the palette and the handlers of the script are made from it.

/// Where a key does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On every page.
    Everywhere,
    /// In a list of messages.
    List,
    /// With a message open.
    Message,
    /// In a list and with a message open.
    Both,
}

impl Place {
    /// The heading on the help sheet.
    pub fn label(self) -> &'static str {
        match self {
            Place::Everywhere => "Everywhere",
            Place::List => "In the list",
            Place::Message => "With a message open",
            Place::Both => "In the list and with a message open",
        }
    }

    #[cfg(test)]
    fn meets(self, other: Place) -> bool {
        self == other || [self, other].contains(&Place::Everywhere) || [self, other].contains(&Place::Both)
    }
}

/// A key and what it does.
#[derive(Debug)]
pub struct Shortcut {
    /// The key as `KeyboardEvent.key` names it; two keys one after the other are parted by a blank.
    pub keys: &'static str,
    /// What it does: the `data-does` of the button that does the same.
    pub does: &'static str,
    /// In words.
    pub label: &'static str,
    /// Where.
    pub place: Place,
}

impl Shortcut {
    /// The keys as they stand on the help sheet.
    pub fn shown(&self) -> Vec<&'static str> {
        match self.keys {
            "Ctrl+k" => vec!["Ctrl", "K"],
            "Ctrl+Enter" => vec!["Ctrl", "Enter"],
            "Shift+J" => vec!["Shift", "J"],
            "Shift+K" => vec!["Shift", "K"],
            keys => keys.split(' ').collect(),
        }
    }
}

const fn key(keys: &'static str, does: &'static str, label: &'static str, place: Place) -> Shortcut {
    Shortcut { keys, does, label, place }
}

/// Every key there is.
pub const SHORTCUTS: &[Shortcut] = &[
    key("j", "next", "Next message", Place::Both),
    key("k", "previous", "Previous message", Place::Both),
    key("Enter", "open", "Open the message", Place::List),
    key("x", "select", "Select it, or take it out of the selection", Place::List),
    key("Shift+J", "select-next", "Select, and go on", Place::List),
    key("Shift+K", "select-previous", "Select, and go back", Place::List),
    key("u", "back", "Back to the list", Place::Message),
    key("a", "approve", "Approve; in the list, the selected ones", Place::Both),
    key("e", "edit", "Edit", Place::Message),
    key("r", "reject", "Reject, with a reason", Place::Message),
    key("c", "request-changes", "Request changes, with what should change", Place::Message),
    key("s", "snooze", "Snooze; in the list, the selected ones", Place::Both),
    key("i", "take", "Take it; in the list, the selected ones", Place::Both),
    key("d", "changes", "Show what changed", Place::Message),
    key("n", "next-claim", "Next claim that is open", Place::Message),
    key("z", "undo", "Undo the last approval", Place::Everywhere),
    key("/", "search", "Search", Place::Everywhere),
    key("g q", "go-queue", "Go to the queue", Place::Everywhere),
    key("g c", "go-churn", "Go to who left (churn)", Place::Everywhere),
    key("g h", "go-history", "Go to all messages (history)", Place::Everywhere),
    key("g r", "go-reports", "Go to the report of what people ask for", Place::Everywhere),
    key("?", "help", "Show this help", Place::Everywhere),
    key("Ctrl+Enter", "submit", "Send the form you are writing in", Place::Everywhere),
    key("Ctrl+k", "palette", "Find a command", Place::Everywhere),
];

/// The places in the order of the help sheet, each with its keys.
pub fn by_place() -> Vec<(&'static str, Vec<&'static Shortcut>)> {
    [Place::Both, Place::List, Place::Message, Place::Everywhere]
        .into_iter()
        .map(|place| (place.label(), SHORTCUTS.iter().filter(|shortcut| shortcut.place == place).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_clash_where_both_do_something() {
        for (at, one) in SHORTCUTS.iter().enumerate() {
            for other in &SHORTCUTS[at + 1..] {
                let first = |shortcut: &Shortcut| shortcut.keys.split(' ').next().unwrap_or_default().to_owned();
                // "g" alone would swallow the first half of "g q".
                let clash = one.keys == other.keys || (one.keys.contains(' ') != other.keys.contains(' ') && first(one) == first(other));
                assert!(!(clash && one.place.meets(other.place)), "{} and {} both listen to {}", one.does, other.does, one.keys);
                assert_ne!(one.does, other.does, "{} is there twice", one.does);
            }
        }
    }
}
