//! The signaling server as a program of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use athome_shared::{logging, shutdown};
use athome_signaling::{Config, Server};
use clap::Parser;

/// Introduces AtHome cameras and viewers to each other. It can't read what they say.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Settings, as in athome-signaling.example.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Serve the viewer's page at "/". Whoever serves the page must be trusted.
    #[arg(long)]
    serve_page: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("athome-signaling: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    logging::init();
    let mut config = match &arguments.config {
        Some(path) => Config::load(path).context("the settings file")?,
        None => Config::default(),
    };
    config.listen = arguments.listen.unwrap_or(config.listen);
    config.serve_page |= arguments.serve_page;
    let server = Server::bind(config).await?;
    server.run(shutdown::on_signal()?).await;
    Ok(())
}
