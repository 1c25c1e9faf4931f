"""What web, worker, webhooks and the command line share: settings, readings, accounts, jobs, blobs and renderings."""
