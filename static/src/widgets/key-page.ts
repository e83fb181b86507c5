/** The keys dialog with its styles, for pages without a grid. */

import "../css/keys.css";
import "./help-dialog";
