//! What a service embeds: logs under contract, traces, histograms, export.
