/** Entry of every page: htmx, the small controllers, the base styles. */

import "./css/variables.css";
import "./css/base.css";
import "htmx.org";
import * as menu from "./controllers/menu";
import * as theme from "./controllers/theme";
import * as toasts from "./controllers/toasts";
import { attach } from "./lib/attach";

attach({ menu: menu.connect, theme: theme.connect, toasts: toasts.connect });
