//! The API key, as it goes along with every request and nowhere else.

use crate::error::SetUpError;
use http::HeaderValue;

/// How a key begins.
const KEY_PREFIX: &str = "ck_";
/// What follows that, in characters: 32 bytes as base64url.
const KEY_CHARS: usize = 43;

/// The header field that shows the key. It prints as `Sensitive`.
pub(crate) fn authorization(key: &str) -> Result<HeaderValue, SetUpError> {
    let is_key = key.strip_prefix(KEY_PREFIX).is_some_and(|secret| {
        secret.len() == KEY_CHARS
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    if !is_key {
        return Err(SetUpError::Key);
    }
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| SetUpError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_to_the_server_and_nobody_else() {
        let key = format!("ck_{}", "A".repeat(43));
        let value = authorization(&key).unwrap();
        assert_eq!(value.to_str().unwrap(), format!("Bearer {key}"));
        assert_eq!(format!("{value:?}"), "Sensitive");
    }

    #[test]
    fn what_is_no_key_is_refused_before_it_is_sent() {
        let secret = "A".repeat(43);
        for key in ["", "ck_", &secret, &format!("ck_{}", "A".repeat(42)), &format!("ck_{}\r\n", "A".repeat(41))] {
            assert_eq!(authorization(key), Err(SetUpError::Key), "{key:?}");
        }
    }
}
