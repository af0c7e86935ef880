use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Clone, Args)]
pub(crate) struct ExportArgs {
    #[command(subcommand)]
    pub(crate) what: ExportWhat,
    /// The server's address
    #[arg(
        long,
        global = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:7117",
        env = "WATCHFIRE_SERVER"
    )]
    pub(crate) server: String,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ExportWhat {
    /// An incident: summary, impact, times, timeline, evidence, and what is left to fill in
    Incident {
        /// As its page and its address have it
        id: String,
        /// Markdown to paste, or JSON for a program
        #[arg(long, value_enum, default_value_t = ExportFormat::Md)]
        format: ExportFormat,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Md,
    Json,
}

impl ExportFormat {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Md => "md",
            Self::Json => "json",
        }
    }
}
