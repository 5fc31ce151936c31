//! What a person can ask for in the preference centre, besides choosing.

use consentry_core::DemandKind;

/// A right that the centre offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// A copy of what is kept here, as a file.
    Export,
    /// An answer to what else is held.
    Access,
    /// No direct marketing.
    Objection,
    /// Nothing but storage.
    Restriction,
    /// Erasure of everything.
    Erasure,
}

impl Right {
    /// Every right, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Export, Self::Access, Self::Objection, Self::Restriction, Self::Erasure];

    /// Its name on the wire, and the last part of its texts' keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Access => "access",
            Self::Objection => "objection",
            Self::Restriction => "restriction",
            Self::Erasure => "erasure",
        }
    }

    /// The right of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == name)
    }

    /// What becomes of it in the record, if it changes what may be done.
    #[must_use]
    pub const fn demand(self) -> Option<DemandKind> {
        match self {
            Self::Export | Self::Access => None,
            Self::Objection => Some(DemandKind::Objection),
            Self::Restriction => Some(DemandKind::Restriction),
            Self::Erasure => Some(DemandKind::Erasure),
        }
    }

    /// Whether it can be used where no server keeps anything: what the browser holds can be handed out and erased.
    #[must_use]
    pub const fn needs_server(self) -> bool {
        match self {
            Self::Access | Self::Objection | Self::Restriction => true,
            Self::Export | Self::Erasure => false,
        }
    }
}
