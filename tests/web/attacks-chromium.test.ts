/** What hostile pages can do in Chromium. */

import { attackIn } from './attacks/suite.ts';

attackIn('chromium');
