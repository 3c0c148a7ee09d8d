//! Subcommands that ask the streamer that runs: `pair` and `viewers`.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::net::SocketAddr;

use anyhow::{Context, bail};
use athome_shared::protocol::control::{Camera, Role};
use athome_shared::protocol::house::HouseMode;
use athome_shared::time::WallTime;
use serde::Deserialize;
use serde_json::{Value, json};

use super::start::{data_folder, plainly, read_config};
use super::{CamerasCommand, Common, ModeArgs, Pair, ViewersCommand};
use crate::api::auth::Token;
use crate::api::client::{Answer, ClientError, Request, ask};
use crate::serve::ViewerRow;
use crate::terminal::qr::{Modules, Scale};
use crate::terminal::run::{say, viewers_table};
use crate::terminal::screen;
use crate::terminal::sentence::{mode_word, time_of_day};
use crate::terminal::text::clean;
use crate::words::{Lang, Word};

/// Makes an invitation and shows it.
pub async fn pair(common: &Common, pair: &Pair, lang: Lang) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Made {
        link: String,
        uses: u16,
        expires: WallTime,
    }
    let roles: Vec<Role> = pair.roles.iter().copied().map(Role::from).collect();
    let mut wanted = json!({"ttl_s": pair.ttl.as_secs(), "uses": pair.uses});
    if let (false, Some(fields)) = (roles.is_empty(), wanted.as_object_mut()) {
        fields.insert("roles".to_owned(), json!(roles));
    }
    let answer = call(common, "POST", "/api/v1/invites", Some(&wanted), lang).await?;
    if common.json {
        say(&String::from_utf8_lossy(&answer.body));
        return Ok(());
    }
    let made: Made = serde_json::from_slice(&answer.body).context("the streamer's answer")?;
    if std::io::stdout().is_terminal()
        && let Ok((cols, rows)) = crossterm::terminal::size()
        && let Some(modules) = Modules::of_link(&made.link)
        && let Some(cells) = modules.cells(Scale::Half, cols.into(), rows.into())
    {
        cells.iter().for_each(|row| say(&screen::code_row(row)));
    }
    say(Word::LinkIs.text(lang));
    say(&made.link);
    let until = time_of_day(made.expires);
    say(&Word::UsableUntil.fill(lang, &[("n", &made.uses.to_string()), ("time", &until)]));
    Ok(())
}

/// Pauses, resumes, adds or removes a camera.
pub async fn camera(common: &Common, command: &CamerasCommand, lang: Lang) -> anyhow::Result<()> {
    let (name, active) = match command {
        CamerasCommand::Pause { name } => (name, Some(false)),
        CamerasCommand::Resume { name } => (name, Some(true)),
        CamerasCommand::Remove { name } => (name, None),
        CamerasCommand::Add { name, source, small, user } => {
            let password = user.as_ref().map(|_| read_password(lang)).transpose()?;
            let wanted = json!({
                "name": name, "source": source, "sub_source": small, "user": user, "password": password,
            });
            return add_camera(common, name, &wanted, lang).await;
        }
    };
    let answer = call(common, "GET", "/api/v1/cameras", None, lang).await?;
    let cameras: Vec<Camera> = serde_json::from_slice(&answer.body).context("the streamer's answer")?;
    let wanted = name.trim().to_lowercase();
    let found = cameras.iter().find(|c| c.id.as_str() == wanted || c.name.to_lowercase() == wanted);
    let Some(found) = found else {
        let names: Vec<&str> = cameras.iter().map(|camera| camera.name.as_str()).collect();
        bail!(clean(&Word::NoSuchCamera.fill(lang, &[("cam", name), ("names", &names.join(", "))])));
    };
    let path = format!("/api/v1/cameras/{}", found.id);
    let answer = match active {
        Some(active) => call(common, "PATCH", &path, Some(&json!({"active": active})), lang).await?,
        None => call(common, "DELETE", &path, None, lang).await?,
    };
    if common.json {
        say(&String::from_utf8_lossy(&answer.body));
        return Ok(());
    }
    let answer: Value = serde_json::from_slice(&answer.body).context("the streamer's answer")?;
    let done = match active {
        Some(true) => Word::CameraResumed,
        Some(false) => Word::CameraPaused,
        None => Word::CameraRemoved,
    };
    say_done(&done.fill(lang, &[("cam", &found.name)]), &answer, lang);
    Ok(())
}

/// Says how the house is watched over, or changes it.
pub async fn mode(common: &Common, args: &ModeArgs, lang: Lang) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Now {
        mode: HouseMode,
        saved: bool,
    }
    let answer = match args.mode {
        None => call(common, "GET", "/api/v1/mode", None, lang).await?,
        Some(mode) => {
            let wanted = json!({"mode": HouseMode::from(mode)});
            call(common, "PUT", "/api/v1/mode", Some(&wanted), lang).await?
        }
    };
    if common.json {
        say(&String::from_utf8_lossy(&answer.body));
        return Ok(());
    }
    let now: Now = serde_json::from_slice(&answer.body).context("the streamer's answer")?;
    say(mode_word(now.mode).text(lang));
    if !now.saved {
        say(Word::ModeNotKept.text(lang));
    }
    Ok(())
}

async fn add_camera(common: &Common, name: &str, wanted: &Value, lang: Lang) -> anyhow::Result<()> {
    let answer = call(common, "POST", "/api/v1/cameras", Some(wanted), lang).await?;
    if common.json {
        say(&String::from_utf8_lossy(&answer.body));
        return Ok(());
    }
    let answer: Value = serde_json::from_slice(&answer.body).context("the streamer's answer")?;
    say_done(&Word::CameraAdded.fill(lang, &[("cam", name)]), &answer, lang);
    if let Some(verdict) = answer["verdict"].as_str() {
        say(&clean(verdict));
    }
    Ok(())
}

fn say_done(done: &str, answer: &Value, lang: Lang) {
    let lasts = if answer["saved"] == true { Word::StaysSo } else { Word::UntilRestart };
    say(&clean(&format!("{done} {}", lasts.text(lang))));
}

/// One line of standard input: a password never stands on the command line, where every user of the machine sees it.
fn read_password(lang: Lang) -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        eprint!("{} ", Word::PasswordPrompt.text(lang));
    }
    let mut line = String::new();
    BufReader::new(std::io::stdin().take(LONGEST_LINE)).read_line(&mut line).context("reading the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Longest line taken for a password.
const LONGEST_LINE: u64 = 1_024;

/// Lists or removes devices.
pub async fn viewers(common: &Common, command: &ViewersCommand, lang: Lang) -> anyhow::Result<()> {
    match command {
        ViewersCommand::List => {
            let answer = call(common, "GET", "/api/v1/viewers", None, lang).await?;
            if common.json {
                say(&String::from_utf8_lossy(&answer.body));
                return Ok(());
            }
            let rows: Vec<ViewerRow> = serde_json::from_slice(&answer.body).context("the streamer's answer")?;
            viewers_table(&rows, lang).iter().for_each(|line| say(line));
        }
        ViewersCommand::Revoke { id } => {
            if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
                bail!(clean(&Word::NoDevice.fill(lang, &[("id", id)])));
            }
            let answer = call(common, "DELETE", &format!("/api/v1/viewers/{id}"), None, lang).await?;
            if common.json {
                say(&String::from_utf8_lossy(&answer.body));
                return Ok(());
            }
            let row: ViewerRow = serde_json::from_slice(&answer.body).context("the streamer's answer")?;
            say(&Word::WasRemoved.fill(lang, &[("device", &row.name)]));
        }
    }
    Ok(())
}

/// Asks the streamer of this data folder; its refusal is ours.
async fn call(common: &Common, method: &str, path: &str, body: Option<&Value>, lang: Lang) -> anyhow::Result<Answer> {
    let addr: SocketAddr = match common.api {
        Some(addr) => addr,
        None => read_config(common.config.as_deref(), lang)?.api.listen,
    };
    let data = data_folder(common.data.clone())?;
    let folder = data.display().to_string();
    let token = Token::read(&data).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow::anyhow!(Word::NeverRan.fill(lang, &[("path", &folder)])),
        _ => anyhow::anyhow!(Word::TokenUnreadable.fill(lang, &[("path", &folder), ("why", &plainly(&error))])),
    })?;
    let text = body.map(Value::to_string);
    let body = text.as_ref().map(|text| ("application/json", text.as_bytes()));
    let answer = ask(addr, &token, Request { method, path, body }).await.map_err(|error| match error {
        ClientError::NotRunning(addr) => anyhow::anyhow!(Word::NotRunning.fill(lang, &[("addr", &addr.to_string())])),
        ClientError::NotOurs(addr) => anyhow::anyhow!(Word::NotOurs.fill(lang, &[("addr", &addr.to_string())])),
    })?;
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
    match said.as_ref().and_then(|said| said.get("error")).and_then(Value::as_str) {
        // The interface for programs speaks English.
        Some(sentence) => bail!("{sentence}"),
        None => {
            let (addr, status) = (addr.to_string(), answer.status.to_string());
            bail!(Word::RefusedBy.fill(lang, &[("addr", &addr), ("status", &status)]))
        }
    }
}
