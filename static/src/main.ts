/** Entry of every page: htmx, the small controllers, the base styles. */

import "./css/variables.css";
import "./css/base.css";
import "./css/jobs.css";
import "./css/corpus.css";
import "./css/datasets.css";
import "./css/account.css";
import "./css/help.css";
import "./css/people.css";
import "htmx.org";
import * as autosubmit from "./controllers/autosubmit";
import * as choices from "./controllers/choices";
import * as confirm from "./controllers/confirm";
import * as copy from "./controllers/copy";
import * as dialog from "./controllers/dialog";
import * as disputes from "./controllers/disputes";
import * as keys from "./controllers/keys";
import * as menu from "./controllers/menu";
import * as policy from "./controllers/policy";
import * as theme from "./controllers/theme";
import * as toasts from "./controllers/toasts";
import * as upload from "./controllers/upload";
import { attach } from "./lib/attach";

attach({
  autosubmit: autosubmit.connect,
  choices: choices.connect,
  confirm: confirm.connect,
  copy: copy.connect,
  dialog: dialog.connect,
  disputes: disputes.connect,
  keys: keys.connect,
  menu: menu.connect,
  policy: policy.connect,
  theme: theme.connect,
  toasts: toasts.connect,
  upload: upload.connect,
});
