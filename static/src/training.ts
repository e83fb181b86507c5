/** Entry of the training pages: their styles and charts. */

import "./css/training.css";
import "./widgets/line-chart";
import "./widgets/operating-point";
import "./widgets/score-histogram";
