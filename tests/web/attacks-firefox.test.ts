/** What hostile pages can do in Firefox. */

import { attackIn } from './attacks/suite.ts';

attackIn('firefox');
