//! Asks before it processes: may this data of this person be used for this purpose, by this processor, now?
