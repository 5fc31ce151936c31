//! Tokens that are believed, and every way known of making one that should not be.

use super::*;
use crate::key_file::KeyFileError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::path::Path;

const NOW_S: u64 = 1_763_800_000;
const SECRET: &[u8; 32] = b"a secret of thirty-two bytes, ok";

fn now() -> Time {
    Time::from_ms(NOW_S * 1000)
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn public_key() -> [u8; 32] {
    signing_key().verifying_key().to_bytes()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn identities_with(issuer: Option<&str>) -> Identities {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), [SECRET.as_slice(), b"\n"].concat()).unwrap();
    let config = IdentityConfig {
        issuer: issuer.map(Into::into),
        keys: vec![
            KeyConfig::EdDsa { kid: "new".into(), public_key: encode(public_key()) },
            KeyConfig::Hs256 { kid: "old".into(), secret_file: "secret".into() },
        ],
    };
    let keys = config.load(folder.path()).unwrap();
    Identities::new(BTreeMap::from([("adforge".parse().unwrap(), keys)]), Pepper::from_bytes([9; 32]))
}

fn site() -> SiteId {
    "adforge".parse().unwrap()
}

fn identify(token: &str) -> Result<Identity, IdentityError> {
    identities_with(None).identify(&site(), token, now())
}

fn claims(fields: Value) -> Value {
    let mut claims = json!({ "aud": "adforge", "sub": "u-42", "exp": NOW_S + 600 });
    claims.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    claims
}

fn eddsa_over(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    format!("{signed}.{}", encode(signing_key().sign(signed.as_bytes()).to_bytes()))
}

fn hs256_over(header: &str, payload: &str, secret: &[u8]) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(&signed);
    format!("{signed}.{}", encode(mac.finalize().into_bytes()))
}

const EDDSA: &str = r#"{"alg":"EdDSA","kid":"new"}"#;
const HS256: &str = r#"{"alg":"HS256","kid":"old"}"#;

fn eddsa(fields: Value) -> String {
    eddsa_over(EDDSA, &claims(fields).to_string())
}

#[test]
fn a_token_of_either_algorithm_names_the_same_account() {
    let payload = claims(json!({})).to_string();
    let one = identify(&eddsa_over(EDDSA, &payload)).unwrap();
    assert_eq!(one.until, Time::from_ms((NOW_S + 660) * 1000));
    assert_eq!((one.jurisdiction.clone(), one.age, one.plan.clone()), (None, None, None));
    assert_eq!(identify(&hs256_over(HS256, &payload, SECRET)), Ok(one.clone()));
    let own_name = eddsa_over(r#"{"alg":"Ed25519","kid":"new","typ":"JWT"}"#, &payload);
    assert_eq!(identify(&own_name), Ok(one), "RFC 9864");
}

/// Made by `tests/peers/tokens.py`, with PyJWT and joserfc.
#[test]
fn tokens_of_other_libraries_are_believed_and_not_with_a_letter_changed() {
    let peers: Value = serde_json::from_str(include_str!("../../../tests/peers/tokens.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), peers["secret"].as_str().unwrap()).unwrap();
    let public_key = peers["public_key"].as_str().unwrap().into();
    let keys = vec![
        KeyConfig::EdDsa { kid: "EdDSA".into(), public_key },
        KeyConfig::Hs256 { kid: "HS256".into(), secret_file: "secret".into() },
    ];
    let config = IdentityConfig { issuer: Some("https://adforge.example".into()), keys };
    let keys = BTreeMap::from([(site(), config.load(folder.path()).unwrap())]);
    let identities = Identities::new(keys, Pepper::from_bytes([9; 32]));
    let now = Time::from_ms(peers["now_s"].as_u64().unwrap() * 1000);
    let account = identify(&eddsa(json!({}))).unwrap().account;
    let tokens = peers["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 5);
    for made in tokens {
        let token = made["token"].as_str().unwrap();
        let identity = identities.identify(&site(), token, now).unwrap_or_else(|error| panic!("{made}: {error}"));
        assert_eq!((identity.account, identity.age), (account, Some(AgeBand::Adult)), "{made}");
        for place in (0..token.len()).filter(|place| token.as_bytes()[*place] != b'.') {
            let other = if token.as_bytes()[place] == b'A' { "B" } else { "A" };
            let tampered = format!("{}{other}{}", &token[..place], &token[place + 1..]);
            assert!(identities.identify(&site(), &tampered, now).is_err(), "{place} of {made}");
        }
    }
}

#[test]
fn r17_an_account_is_named_by_pepper_site_and_id_and_never_by_the_id() {
    let other_pepper = |token: &str| {
        let Identities { keys, .. } = identities_with(None);
        Identities::new(keys, Pepper::from_bytes([8; 32])).identify(&site(), token, now()).unwrap().account
    };
    let token = eddsa(json!({}));
    let account = identify(&token).unwrap().account;
    assert_ne!(account, other_pepper(&token));
    assert_ne!(account, identify(&eddsa(json!({ "sub": "u-43" }))).unwrap().account);
    let pepper = Pepper::from_bytes([9; 32]);
    assert_eq!(account, pepper.account(&site(), "u-42"));
    assert_ne!(account, pepper.account(&"other".parse().unwrap(), "u-42"));
    // Computed by hashlib of Python: hmac.new(bytes([9]) * 32, b"consentry account 1\0adforge\0u-42", "sha256").
    assert_eq!(account.to_string(), "868b1dd491f24e64eb84b738110e7854ca10bf28c5fd25adcf9d5861e826449e");
    assert_eq!(format!("{pepper:?}"), "Pepper(…)");
}

#[test]
fn what_the_site_says_of_the_person_is_taken_over_and_a_misspelt_word_is_no_word() {
    let said = identify(&eddsa(json!({ "jurisdiction": "US-CA", "age_band": "16-17", "plan": "premium" }))).unwrap();
    assert_eq!(said.jurisdiction, "US-CA".parse().ok());
    assert_eq!(said.age, Some(AgeBand::SixteenOrSeventeen));
    assert_eq!(said.plan, "premium".parse().ok());
    for (name, wrong) in
        [("jurisdiction", json!("California")), ("age_band", json!(16)), ("plan", json!("")), ("age_band", json!(null))]
    {
        assert_eq!(identify(&eddsa(json!({ name: wrong }))), Err(IdentityError::Claim(name)));
    }
}

#[test]
fn no_algorithm_and_the_wrong_algorithm_are_refused() {
    let payload = claims(json!({})).to_string();
    for header in [
        r#"{"alg":"none","kid":"new"}"#,
        r#"{"alg":"None","kid":"new"}"#,
        r#"{"alg":"ES256","kid":"new"}"#,
        r#"{"alg":"eddsa","kid":"new"}"#,
        r#"{"kid":"new"}"#,
        r#"{"alg":["EdDSA"],"kid":"new"}"#,
    ] {
        assert_eq!(identify(&eddsa_over(header, &payload)), Err(IdentityError::Algorithm), "{header}");
    }
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none","kid":"new"}"#), encode(&payload));
    assert_eq!(identify(&unsigned), Err(IdentityError::Algorithm));
    // Whoever knows the public key, which is everybody, could sign with it if it were taken for a secret.
    let confused = hs256_over(r#"{"alg":"HS256","kid":"new"}"#, &payload, &public_key());
    assert_eq!(identify(&confused), Err(IdentityError::Algorithm));
    let confused = eddsa_over(r#"{"alg":"EdDSA","kid":"old"}"#, &payload);
    assert_eq!(identify(&confused), Err(IdentityError::Algorithm));
}

#[test]
fn a_key_that_is_not_configured_signs_nothing() {
    let payload = claims(json!({})).to_string();
    for header in [r#"{"alg":"EdDSA","kid":"newer"}"#, r#"{"alg":"EdDSA"}"#, r#"{"alg":"EdDSA","kid":7}"#] {
        assert_eq!(identify(&eddsa_over(header, &payload)), Err(IdentityError::UnknownKey), "{header}");
    }
    assert_eq!(identify(&hs256_over(HS256, &payload, &[1; 32])), Err(IdentityError::Signature));
    let other: SiteId = "other".parse().unwrap();
    assert_eq!(identities_with(None).identify(&other, &eddsa(json!({})), now()), Err(IdentityError::NoKeys));
}

#[test]
fn a_changed_token_has_no_signature() {
    for token in [eddsa(json!({})), hs256_over(HS256, &claims(json!({})).to_string(), SECRET)] {
        let [header, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let other = encode(claims(json!({ "sub": "u-43" })).to_string());
        assert_eq!(identify(&format!("{header}.{other}.{signature}")), Err(IdentityError::Signature));
        let longer = header.len() - header.len() % 4;
        assert!(identify(&format!("{}.{payload}.{signature}", &header[..longer - 4])).is_err());
        assert_eq!(identify(&format!("{header}.{payload}.")), Err(IdentityError::Signature));
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let shorter = encode(&bytes[1..]);
        assert_eq!(identify(&format!("{header}.{payload}.{shorter}")), Err(IdentityError::Signature));
        for place in 0..bytes.len() {
            bytes[place] ^= 1;
            assert_eq!(
                identify(&format!("{header}.{payload}.{}", encode(&bytes))),
                Err(IdentityError::Signature),
                "{place}"
            );
            bytes[place] ^= 1;
        }
    }
}

#[test]
fn a_token_has_one_spelling() {
    // Its header ends in bits that are left over, or could be.
    let padded = [EDDSA, r#"{"alg":"EdDSA","kid":"new" }"#, r#"{"alg":"EdDSA","kid":"new"  }"#];
    let token = padded.map(|header| eddsa_over(header, &claims(json!({})).to_string()));
    let token = token.iter().find(|token| token.split('.').next().unwrap().len() % 4 == 2).unwrap();
    assert!(identify(token).is_ok());
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    // Signed as it stands, so that nothing but the spelling is wrong with it.
    let with_header = |header: &str| {
        let signed = format!("{header}.{payload}");
        format!("{signed}.{}", encode(signing_key().sign(signed.as_bytes()).to_bytes()))
    };
    let left_over = format!("{}h", &header[..header.len() - 1]);
    assert_ne!(left_over, *header);
    for wrong in [format!("{header}=="), left_over, header.replace('e', "+"), format!("{header}\n"), String::new()] {
        assert!(matches!(identify(&with_header(&wrong)), Err(IdentityError::Form | IdentityError::Json)), "{wrong}");
    }
    for wrong in [
        format!("{token}."),
        format!("{token}.e30"),
        format!(".{token}"),
        format!("{token} "),
        format!(" {token}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}=="),
        "...".into(),
        ".".into(),
        String::new(),
    ] {
        assert_eq!(identify(&wrong), Err(IdentityError::Form), "{wrong}");
    }
}

#[test]
fn json_is_read_to_its_end_and_names_nothing_twice() {
    let payload = claims(json!({})).to_string();
    for header in [
        r#"{"alg":"EdDSA","kid":"new"}{}"#,
        r#"{"alg":"EdDSA","kid":"new"} x"#,
        r#"{"alg":"none","alg":"EdDSA","kid":"new"}"#,
        r#"{"alg":"EdDSA","kid":"old","kid":"new"}"#,
        r#"["EdDSA","new"]"#,
        "",
    ] {
        assert_eq!(identify(&eddsa_over(header, &payload)), Err(IdentityError::Json), "{header}");
    }
    let claims = format!(r#""aud":"adforge","sub":"u-42","exp":{}"#, NOW_S + 600);
    assert!(identify(&eddsa_over(EDDSA, &format!("{{{claims}}}"))).is_ok());
    for payload in [
        format!(r#"{{{claims},"sub":"u-43"}}"#),
        format!(r#"{{{claims},"own":1,"own":2}}"#),
        format!(r#"{{{claims},"s\u0075b":"u-43"}}"#),
        format!("{{{claims}}}{{}}"),
        format!("{{{claims}}},"),
        "null".into(),
    ] {
        assert_eq!(identify(&eddsa_over(EDDSA, &payload)), Err(IdentityError::Json), "{payload}");
    }
    assert_eq!(
        identify(&eddsa_over(r#"{"alg":"EdDSA","kid":"new","crit":["b64"],"b64":false}"#, &payload)),
        Err(IdentityError::Critical)
    );
}

#[test]
fn a_token_is_good_for_its_time_with_a_minute_to_spare() {
    let at = |fields: Value, now_s: u64| {
        identities_with(None).identify(&site(), &eddsa(fields), Time::from_ms(now_s * 1000)).map(drop)
    };
    assert_eq!(at(json!({}), NOW_S + 659), Ok(()));
    assert_eq!(at(json!({}), NOW_S + 660), Err(IdentityError::Expired));
    for name in ["iat", "nbf"] {
        assert_eq!(at(json!({ name: NOW_S + 60 }), NOW_S), Ok(()));
        assert_eq!(at(json!({ name: NOW_S + 61 }), NOW_S), Err(IdentityError::NotYetValid));
        assert_eq!(at(json!({ name: "now" }), NOW_S), Err(IdentityError::Claim(name)));
    }
    assert_eq!(at(json!({ "exp": NOW_S + 24 * 3600 + 60 }), NOW_S), Ok(()));
    for exp in [NOW_S + 24 * 3600 + 61, u64::MAX] {
        assert_eq!(at(json!({ "exp": exp }), NOW_S), Err(IdentityError::TooLongLived));
    }
    for exp in [json!(null), json!("soon"), json!(-1), json!(NOW_S as f64 + 600.5)] {
        assert_eq!(at(json!({ "exp": exp }), NOW_S), Err(IdentityError::Claim("exp")));
    }
    let endless = eddsa_over(EDDSA, r#"{"aud":"adforge","sub":"u-42"}"#);
    assert_eq!(identify(&endless), Err(IdentityError::Claim("exp")));
}

#[test]
fn a_token_is_for_this_site_by_this_issuer_and_names_somebody() {
    assert!(identify(&eddsa(json!({ "aud": ["shop", "adforge"] }))).is_ok());
    for aud in [json!("adforge2"), json!("AdForge"), json!(["shop"]), json!([]), json!(null), json!({ "adforge": 1 })] {
        assert_eq!(identify(&eddsa(json!({ "aud": aud }))), Err(IdentityError::Audience), "{aud}");
    }
    let by =
        |fields| identities_with(Some("https://adforge.example")).identify(&site(), &eddsa(fields), now()).map(drop);
    assert_eq!(by(json!({ "iss": "https://adforge.example" })), Ok(()));
    for fields in [json!({}), json!({ "iss": "https://evil.example" }), json!({ "iss": ["https://adforge.example"] })] {
        assert_eq!(by(fields), Err(IdentityError::Issuer));
    }
    assert!(identify(&eddsa(json!({ "sub": "é".repeat(256) }))).is_ok());
    for sub in [json!(""), json!("a".repeat(257)), json!(42), json!(null)] {
        assert_eq!(identify(&eddsa(json!({ "sub": sub }))), Err(IdentityError::Claim("sub")));
    }
}

#[test]
fn a_token_has_at_most_four_kibibytes() {
    let of = |bytes: usize| eddsa(json!({ "jti": "a".repeat(bytes) }));
    let fits = (2800..3000).map(of).rfind(|token| token.len() <= TOKEN_BYTES_MAX).unwrap();
    assert!(fits.len() > TOKEN_BYTES_MAX - 4 && identify(&fits).is_ok());
    assert_eq!(identify(&of(3000)), Err(IdentityError::TooLong));
}

#[test]
fn the_file_says_who_may_sign_or_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.toml");
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    std::fs::write(folder.path().join("short"), [b'a'; 31]).unwrap();
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        read_identities(&path).map_err(|error| error.to_string())
    };
    let public = encode(public_key());
    let whole = format!(
        "[adforge]\nissuer = \"https://adforge.example\"\n[[adforge.keys]]\nkid = \"new\"\nalg = \"EdDSA\"\npublic_key = \"{public}\"\n\
         [[adforge.keys]]\nkid = \"old\"\nalg = \"HS256\"\nsecret_file = \"secret\"\n"
    );
    let keys = read(&whole).unwrap();
    let shown = format!("{keys:?}");
    assert!(shown.contains("EdDsa(…)") && shown.contains("Hs256(…)"), "{shown}");
    let weak = encode([[1].as_slice(), &[0; 31]].concat());
    for (from, to, says) in [
        ("alg = \"EdDSA\"", "alg = \"none\"", "is not as docs/embed.md describes it"),
        ("issuer", "isuer", "is not as docs/embed.md describes it"),
        ("[adforge]", "[Ad]", "is not as docs/embed.md describes it"),
        ("public_key", "secret_file", "is not as docs/embed.md describes it"),
        ("\"old\"", "\"new\"", "two keys are called `new`"),
        ("\"old\"", "\"\"", "expected a `kid` of 1 to 64 bytes"),
        (&public, "AAAA", "`public_key` of `new`: expected an Ed25519 public key"),
        (&public, &weak, "`public_key` of `new`: expected an Ed25519 public key"),
        ("= \"secret\"", "= \"none\"", "the secret of `old`"),
        ("= \"secret\"", "= \"short\"", "the secret of `old` has 31 bytes: take 32 to 1024"),
    ] {
        assert!(whole.contains(from), "{from}");
        let error = read(&whole.replace(from, to)).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    assert!(read("[adforge]\nkeys = []\n").unwrap_err().contains("at least one key"));
    assert!(read_identities(Path::new("/nowhere")).unwrap_err().to_string().contains("cannot read `/nowhere`"));
}

#[test]
fn a_pepper_is_made_once_and_never_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.pepper");
    let account = |pepper: &Pepper| pepper.account(&site(), "u-42");
    let made = Pepper::open(&path).unwrap();
    assert_eq!(account(&Pepper::open(&path).unwrap()), account(&made));
    let other = Pepper::open(&folder.path().join("d.pepper")).unwrap();
    assert_ne!(account(&other), account(&made));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    for broken in ["", "AAAA", &"A".repeat(44), &format!("{}!", "A".repeat(42))] {
        std::fs::write(&path, broken).unwrap();
        assert!(matches!(Pepper::open(&path), Err(KeyFileError::Form { .. })), "{broken}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), broken, "and is left as it is");
    }
    assert!(matches!(Pepper::open(&folder.path().join("no/such/folder")), Err(KeyFileError::File { .. })));
}
