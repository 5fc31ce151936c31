//! The document as a page: one file, no script, nothing fetched, readable without a style too.

use super::json::Json;
use crate::content::Content;
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const STYLE: &str = include_str!("../../openapi/page.css");
/// The methods, in the order in which an address's are shown. What a browser asks by itself (`options`) is the same everywhere, and
/// in the document alone.
const METHODS: [&str; 3] = ["get", "post", "delete"];

/// The page, and what it may do.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) content: Content,
    /// Its Content-Security-Policy: its own style, and nothing else.
    pub(crate) policy: HeaderValue,
}

impl Page {
    pub(super) fn of(document: &Json) -> Self {
        let style = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self {
            content: Content::uncompressed("text/html; charset=utf-8", Writer::default().page(document).into()),
            // Letters, digits and signs that a header may have; should that ever fail, the page has no style.
            policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
        }
    }
}

/// Text that is added to and nothing else. Writing to it does not fail.
#[derive(Default)]
struct Writer(String);

impl Writer {
    fn page(mut self, document: &Json) -> String {
        let info = document.get("info").unwrap_or(&Json::Null);
        let title = Escaped(info.text("title"));
        self.add(format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n"
        ));
        self.prose(info.text("description"));
        self.add(format_args!(
            "<p>For programs: <a href=\"openapi.json\">openapi.json</a>, OpenAPI {}.</p>\n",
            Escaped(document.text("openapi"))
        ));
        let tags = document.get("tags").map_or(&[][..], Json::items);
        self.contents(tags);
        for tag in tags {
            self.tag(document, tag);
        }
        let components = document.get("components").unwrap_or(&Json::Null);
        self.add(format_args!("<h2 id=\"keys\">Keys and tokens</h2>\n"));
        for (name, scheme) in components.get("securitySchemes").map_or(&[][..], Json::fields) {
            self.add(format_args!("<h3 id=\"key-{0}\">{0}</h3>\n", Escaped(name)));
            self.prose(scheme.text("description"));
        }
        self.add(format_args!("<h2 id=\"schemas\">Schemas</h2>\n"));
        for (name, schema) in components.get("schemas").map_or(&[][..], Json::fields) {
            self.add(format_args!("<h3 id=\"{0}\">{0}</h3>\n", Escaped(name)));
            self.schema(schema);
        }
        self.add(format_args!("</main>\n</html>\n"));
        self.0
    }

    fn contents(&mut self, tags: &[Json]) {
        self.add(format_args!("<nav><ul>\n"));
        for tag in tags {
            self.add(format_args!("<li><a href=\"#{}\">{}</a>\n", anchor(tag.text("name")), Escaped(tag.text("name"))));
        }
        self.add(format_args!(
            "<li><a href=\"#keys\">Keys and tokens</a>\n<li><a href=\"#schemas\">Schemas</a>\n</ul></nav>\n"
        ));
    }

    /// All that is under a tag.
    fn tag(&mut self, document: &Json, tag: &Json) {
        let name = tag.text("name");
        self.add(format_args!("<h2 id=\"{}\">{}</h2>\n", anchor(name), Escaped(name)));
        self.prose(tag.text("description"));
        for (path, item) in document.get("paths").map_or(&[][..], Json::fields) {
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let tags = operation.get("tags").map_or(&[][..], Json::items);
                if tags.contains(&Json::Text(name.into())) {
                    self.operation(document, method, path, item, operation);
                }
            }
        }
    }

    fn operation(&mut self, document: &Json, method: &str, path: &str, item: &Json, operation: &Json) {
        self.add(format_args!(
            "<details id=\"{}\">\n<summary><code>{} {}</code> {}</summary>\n",
            Escaped(operation.text("operationId")),
            method.to_uppercase(),
            Escaped(path),
            Escaped(operation.text("summary"))
        ));
        self.prose(operation.text("description"));
        let keys: Vec<String> = operation.get("security").map_or(&[][..], Json::items).iter().map(way_in).collect();
        if !keys.is_empty() {
            self.add(format_args!("<p>With {}.</p>\n", keys.join(", or with ")));
        }
        let shared = item.get("parameters").map_or(&[][..], Json::items);
        let own = operation.get("parameters").map_or(&[][..], Json::items);
        if !shared.is_empty() || !own.is_empty() {
            self.add(format_args!("<table>\n<tr><th>In<th>Name<th>Type<th>Meaning\n"));
            for parameter in shared.iter().chain(own) {
                self.parameter(resolved(document, parameter));
            }
            self.add(format_args!("</table>\n"));
        }
        if let Some(body) = operation.get("requestBody") {
            self.add(format_args!("<h4>Body</h4>\n"));
            self.prose(body.text("description"));
            self.content(body);
        }
        self.add(format_args!("<h4>Answers</h4>\n<dl>\n"));
        for (status, response) in operation.get("responses").map_or(&[][..], Json::fields) {
            let response = resolved(document, response);
            self.add(format_args!("<dt>{}<dd>", Escaped(status)));
            self.prose(response.text("description"));
            let headers: Vec<String> =
                response.get("headers").map_or(&[][..], Json::fields).iter().map(|(name, _)| code(name)).collect();
            if !headers.is_empty() {
                self.add(format_args!("<p>Headers: {}</p>\n", headers.join(", ")));
            }
            self.content(response);
        }
        self.add(format_args!("</dl>\n</details>\n"));
    }

    fn parameter(&mut self, parameter: &Json) {
        let is_required = parameter.get("required") == Some(&Json::Bool(true));
        self.add(format_args!("<tr><td>{}<td>{}", Escaped(parameter.text("in")), code(parameter.text("name"))));
        self.add(format_args!("<td>{}", shape(parameter.get("schema").unwrap_or(&Json::Null))));
        self.add(format_args!("<td>{}", if is_required { "" } else { "May be left out. " }));
        self.inline(parameter.text("description"));
        self.add(format_args!("\n"));
    }

    /// What a body is, in each of its media types, with what it looks like.
    fn content(&mut self, body: &Json) {
        for (media_type, content) in body.get("content").map_or(&[][..], Json::fields) {
            let shape = content.get("schema").map_or_else(|| "bytes".into(), shape);
            self.add(format_args!("<p>{}: {shape}</p>\n", code(media_type)));
            let named = content
                .get("examples")
                .map_or(&[][..], Json::fields)
                .iter()
                .filter_map(|(_, example)| example.get("value"));
            for example in content.get("example").into_iter().chain(named) {
                let text = match example {
                    Json::Text(text) => text.clone(),
                    other => serde_json::to_string_pretty(other).unwrap_or_default(),
                };
                self.add(format_args!("<pre>{}</pre>\n", Escaped(&text)));
            }
        }
    }

    fn schema(&mut self, schema: &Json) {
        self.prose(schema.text("description"));
        let fields = schema.get("properties").map_or(&[][..], Json::fields);
        if fields.is_empty() {
            self.add(format_args!("<p>{}</p>\n", shape(schema)));
            return;
        }
        let required = schema.get("required").map_or(&[][..], Json::items);
        self.add(format_args!("<table>\n<tr><th>Field<th>Type<th>Meaning\n"));
        for (name, field) in fields {
            let is_required = required.contains(&Json::Text(name.clone()));
            self.add(format_args!("<tr><td>{}<td>{}<td>", code(name), shape(field)));
            self.add(format_args!("{}", if is_required { "" } else { "May be left out. " }));
            self.inline(field.text("description"));
            self.add(format_args!("\n"));
        }
        self.add(format_args!("</table>\n"));
    }

    /// A paragraph for each line.
    fn prose(&mut self, text: &str) {
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            self.add(format_args!("<p>"));
            self.inline(line);
            self.add(format_args!("</p>\n"));
        }
    }

    /// Text in which every other piece between backticks is code: all of CommonMark that the document uses.
    fn inline(&mut self, text: &str) {
        for (number, piece) in text.split('`').enumerate() {
            if number % 2 == 0 {
                self.add(format_args!("{}", Escaped(piece)));
            } else {
                self.add(format_args!("{}", code(piece)));
            }
        }
    }

    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(text);
    }
}

/// Text as HTML has it.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            c => f.write_char(c),
        })
    }
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", Escaped(text))
}

fn anchor(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

/// What a reference leads to; whatever is none is itself.
fn resolved<'a>(document: &'a Json, value: &'a Json) -> &'a Json {
    match value.get("$ref") {
        Some(Json::Text(reference)) => {
            let mut names = reference.trim_start_matches("#/").split('/');
            names.try_fold(document, |found, name| found.get(name)).unwrap_or(value)
        }
        _ => value,
    }
}

/// What has to be shown at once.
fn way_in(requirement: &Json) -> String {
    let keys = requirement.fields().iter().map(|(name, scopes)| {
        let scopes: Vec<&str> = scopes.items().iter().filter_map(as_text).collect();
        let scopes = if scopes.is_empty() { String::new() } else { format!(" of scope {}", code(&scopes.join(" "))) };
        format!("<a href=\"#key-{0}\">{0}</a>{scopes}", Escaped(name))
    });
    let keys: Vec<String> = keys.collect();
    if keys.is_empty() { "nothing".into() } else { keys.join(" and ") }
}

const fn as_text(value: &Json) -> Option<&str> {
    if let Json::Text(text) = value { Some(text.as_str()) } else { None }
}

/// A schema in a few words: what a reader needs to write a request. Every detail is in the document.
fn shape(schema: &Json) -> String {
    if let Some(reference) = schema.get("$ref").and_then(as_text) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("<a href=\"#{0}\">{0}</a>", Escaped(name));
    }
    if let Some(value) = schema.get("const") {
        return value_of(value);
    }
    for (name, between) in [("enum", ", "), ("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
        let Some(of) = schema.get(name) else { continue };
        let of: Vec<String> =
            of.items().iter().map(|one| if name == "enum" { value_of(one) } else { shape(one) }).collect();
        return of.join(between);
    }
    match schema.text("type") {
        "array" => format!("list of {}", schema.get("items").map_or_else(String::new, shape)),
        "object" => {
            let fields: Vec<String> = schema
                .get("properties")
                .map_or(&[][..], Json::fields)
                .iter()
                .map(|(name, field)| format!("{}: {}", code(name), shape(field)))
                .collect();
            let others = schema.get("additionalProperties").filter(|others| !others.fields().is_empty());
            match (fields.is_empty(), others) {
                (false, _) => format!("{{ {} }}", fields.join(", ")),
                (true, Some(others)) => format!("object of {}", shape(others)),
                (true, None) => "object".into(),
            }
        }
        kind => {
            let mut text = String::from(kind);
            for (name, before) in
                [("minimum", " from "), ("maximum", " to "), ("minLength", ", at least "), ("maxLength", ", at most ")]
            {
                if let Some(Json::Number(number)) = schema.get(name) {
                    let after = if name.ends_with("Length") { " characters" } else { "" };
                    text += &format!("{before}{number}{after}");
                }
            }
            if let Some(pattern) = schema.get("pattern").and_then(as_text) {
                text += &format!(" {}", code(pattern));
            }
            text
        }
    }
}

fn value_of(value: &Json) -> String {
    code(&serde_json::to_string(value).unwrap_or_default())
}
