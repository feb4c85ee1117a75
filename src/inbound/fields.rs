//! Groups of fields as reports hold them (RFC 3464 §2.1, RFC 5965 §3.1).

/// Most lines of a report that are read.
const MOST_LINES: usize = 10_000;

/// One group: names in lower case, values unfolded.
#[derive(Debug, Clone, Default)]
pub struct Group(Vec<(String, String)>);

impl Group {
    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Splits text into groups at blank lines. Lines that are no fields are left out.
pub fn groups(text: &str) -> Vec<Group> {
    let mut all = vec![Group::default()];
    for line in text.lines().take(MOST_LINES) {
        let Some(group) = all.last_mut() else { break };
        if line.trim().is_empty() {
            if !group.0.is_empty() {
                all.push(Group::default());
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.0.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':')
            && name.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !name.trim().is_empty()
        {
            group.0.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    all.retain(|group| !group.0.is_empty());
    all
}

/// The address of a field such as `rfc822; ana@example.com`, without type, brackets and comments.
pub fn address(value: &str) -> Option<String> {
    let value = value.split_once(';').map_or(value, |(_, rest)| rest);
    let value = value.split('(').next().unwrap_or(value);
    let inner = match (value.find('<'), value.rfind('>')) {
        (Some(start), Some(end)) if start < end => &value[start + 1..end],
        _ => value,
    };
    let inner = inner.trim().trim_matches(['"', '\'', '<', '>']);
    (inner.contains('@') && !inner.contains(char::is_whitespace) && inner.len() <= 320).then(|| inner.to_owned())
}
