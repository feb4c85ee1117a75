//! How long customers stayed, in bands. The same bands as in the migration that counts them.

use crate::text_enum;

text_enum!(
    /// How long somebody stayed.
    pub enum Tenure {
        /// Under a month.
        Month => "0-29",
        /// One to three months.
        Quarter => "30-89",
        /// Three to six months.
        Half => "90-179",
        /// Half a year to a year.
        Year => "180-364",
        /// One to two years.
        Two => "365-729",
        /// Over two years.
        Longer => "730-",
        /// Nothing on record.
        Unknown => "",
    }
);

impl Tenure {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Tenure::Month => "Under 30 days",
            Tenure::Quarter => "30 to 89 days",
            Tenure::Half => "90 to 179 days",
            Tenure::Year => "180 to 364 days",
            Tenure::Two => "1 to 2 years",
            Tenure::Longer => "2 years and more",
            Tenure::Unknown => "Not on record",
        }
    }

    /// The first and the last number of days.
    pub(super) fn days(self) -> (i64, i64) {
        match self {
            Tenure::Month => (0, 29),
            Tenure::Quarter => (30, 89),
            Tenure::Half => (90, 179),
            Tenure::Year => (180, 364),
            Tenure::Two => (365, 729),
            Tenure::Longer => (730, i64::from(i32::MAX)),
            Tenure::Unknown => (0, -1),
        }
    }
}
