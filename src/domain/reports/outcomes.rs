//! What became of those who left, as the numbers that one counted row holds of them.

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;

use crate::domain::churn::Status;

/// Numbers that stand in columns beside each other.
pub(in crate::domain) trait Numbers:
    QueryableByName<Sqlite> + QueryableByName<Pg> + Default + Copy + std::ops::AddAssign + 'static
{
    /// Their columns, in this order.
    const COLUMNS: &'static [&'static str];

    /// Each with its column.
    fn numbers(&self) -> Vec<(&'static str, i64)>;
}

/// A struct of numbers, each of which is a column of that name.
macro_rules! numbers {
    ($(#[$about:meta])* pub struct $name:ident { $($(#[$doc:meta])* $visible:vis $field:ident,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, diesel::QueryableByName)]
        pub struct $name {
            $($(#[$doc])* #[diesel(sql_type = diesel::sql_types::BigInt)] $visible $field: i64,)+
        }

        impl $crate::domain::reports::outcomes::Numbers for $name {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn numbers(&self) -> Vec<(&'static str, i64)> {
                vec![$((stringify!($field), self.$field)),+]
            }
        }

        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: $name) {
                $(self.$field += other.$field;)+
            }
        }
    };
}
pub(super) use numbers;

numbers!(
    /// Departures by their outcome: how many, and their monthly revenue.
    pub struct Outcomes {
        /// Those of whom it is not known yet.
        pub open_number,
        /// Those who came back.
        pub back_number,
        /// Those who did not.
        pub lost_number,
        /// In minor units, as are the next two.
        pub open_minor,
        /// Of those who came back.
        pub back_minor,
        /// Of those who did not.
        pub lost_minor,
    }
);

/// The outcomes that rows with an `outcome`, a `number` and a `minor` stand for.
pub(in crate::domain) const OUTCOMES_OF_ROWS: &str = "CASE WHEN outcome = 'open' THEN number ELSE 0 END AS open_number, \
     CASE WHEN outcome = 'back' THEN number ELSE 0 END AS back_number, CASE WHEN outcome = 'lost' THEN number ELSE 0 END AS lost_number, \
     CASE WHEN outcome = 'open' THEN minor ELSE 0 END AS open_minor, CASE WHEN outcome = 'back' THEN minor ELSE 0 END AS back_minor, \
     CASE WHEN outcome = 'lost' THEN minor ELSE 0 END AS lost_minor";

impl Outcomes {
    /// What changes of one outcome stand for.
    pub(super) fn of(outcome: &str, number: i64, minor: i64) -> Outcomes {
        let none = Outcomes::default();
        match outcome {
            "back" => Outcomes { back_number: number, back_minor: minor, ..none },
            "lost" => Outcomes { lost_number: number, lost_minor: minor, ..none },
            _ => Outcomes { open_number: number, open_minor: minor, ..none },
        }
    }

    /// How many left.
    pub fn left(&self) -> i64 {
        self.open_number + self.back_number + self.lost_number
    }

    /// Monthly revenue of those who did not come back.
    pub fn gone_minor(&self) -> i64 {
        self.open_minor + self.lost_minor
    }
}

numbers!(
    /// Departures by where they stand: how many, and their monthly revenue by outcome.
    pub struct Standings {
        new_number,
        processing_number,
        variants_generated_number,
        email_sent_number,
        back_number,
        lost_number,
        open_minor,
        back_minor,
        lost_minor,
    }
);

/// The standings that rows with a `status`, a `number` and a `minor` stand for.
pub(super) const STANDINGS_OF_ROWS: &str = "CASE WHEN status = 'new' THEN number ELSE 0 END AS new_number, \
     CASE WHEN status = 'processing' THEN number ELSE 0 END AS processing_number, \
     CASE WHEN status = 'variants_generated' THEN number ELSE 0 END AS variants_generated_number, \
     CASE WHEN status = 'email_sent' THEN number ELSE 0 END AS email_sent_number, \
     CASE WHEN status = 'recovered' THEN number ELSE 0 END AS back_number, CASE WHEN status = 'lost' THEN number ELSE 0 END AS lost_number, \
     CASE WHEN status IN ('recovered', 'lost') THEN 0 ELSE minor END AS open_minor, \
     CASE WHEN status = 'recovered' THEN minor ELSE 0 END AS back_minor, CASE WHEN status = 'lost' THEN minor ELSE 0 END AS lost_minor";

impl Standings {
    /// What changes of departures that stand there stand for.
    pub(super) fn of(status: Status, number: i64, minor: i64) -> Standings {
        let open = Standings { open_minor: minor, ..Standings::default() };
        match status {
            Status::New => Standings { new_number: number, ..open },
            Status::Processing => Standings { processing_number: number, ..open },
            Status::VariantsGenerated => Standings { variants_generated_number: number, ..open },
            Status::EmailSent => Standings { email_sent_number: number, ..open },
            Status::Recovered => Standings { back_number: number, back_minor: minor, ..Standings::default() },
            Status::Lost => Standings { lost_number: number, lost_minor: minor, ..Standings::default() },
        }
    }

    /// How many stand where.
    pub(super) fn by_status(&self) -> [(Status, i64); 6] {
        [
            (Status::New, self.new_number),
            (Status::Processing, self.processing_number),
            (Status::VariantsGenerated, self.variants_generated_number),
            (Status::EmailSent, self.email_sent_number),
            (Status::Recovered, self.back_number),
            (Status::Lost, self.lost_number),
        ]
    }

    /// The same by outcome.
    pub(super) fn outcomes(&self) -> Outcomes {
        Outcomes {
            open_number: self.new_number + self.processing_number + self.variants_generated_number + self.email_sent_number,
            back_number: self.back_number,
            lost_number: self.lost_number,
            open_minor: self.open_minor,
            back_minor: self.back_minor,
            lost_minor: self.lost_minor,
        }
    }
}

/// "CAST(SUM(open_number) AS BIGINT) AS open_number" of each, or what else is said of a column.
pub(in crate::domain) fn of_each(columns: &[&str], joined: &str, of: impl Fn(&str) -> String) -> String {
    columns.iter().map(|column| of(column)).collect::<Vec<_>>().join(joined)
}

/// The sums of these columns under their names. PostgreSQL makes a wider number of them, so they are cast.
pub(in crate::domain) fn sums(columns: &[&str]) -> String {
    of_each(columns, ", ", |column| format!("CAST(SUM({column}) AS BIGINT) AS {column}"))
}
